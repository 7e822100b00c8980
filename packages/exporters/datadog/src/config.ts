import { invalidOption, type OptionVariables, type ShapeOptions, textFrom } from "@spanloom/exporter";
import type { OtlpPresetOptions } from "@spanloom/exporter/otlp";

/** Where to send: Datadog's intake with an API key, a Datadog Agent without. */
export interface DatadogOptions extends OtlpPresetOptions {
  /** Without it, and without `endpoint`, telemetry goes to the Agent. */
  readonly apiKey?: string | undefined;
  /** Site of the account, e.g. `datadoghq.eu` or `us5.datadoghq.com`. Default `datadoghq.com`. */
  readonly site?: string | undefined;
  /** What Datadog told the account to name as the source of traces, as long as their intake is a preview. */
  readonly source?: string | undefined;
  /** Environment in Datadog, put on every resource as `deployment.environment.name`. */
  readonly env?: string | undefined;
  /** Host of the Agent. Default `localhost`. */
  readonly agentHost?: string | undefined;
}

/** The variables of {@link DatadogOptions}. */
export const datadogVariables: OptionVariables<DatadogOptions> = {
  apiKey: textFrom("DD_API_KEY"),
  site: textFrom("DD_SITE"),
  source: textFrom("DD_OTLP_SOURCE"),
  env: textFrom("DD_ENV"),
  agentHost: textFrom("DD_AGENT_HOST"),
};

/** The shape with the environment among the attributes of resources. */
export function withEnvironment({ shape, env }: DatadogOptions): ShapeOptions | undefined {
  if (env === undefined) return shape;
  return { ...shape, resourceAttributes: { "deployment.environment.name": env, ...shape?.resourceAttributes } };
}

/** The base URL of OTLP. Errors: INVALID_FIELD for a site that cannot be a host's name. */
export function datadogUrl({ apiKey, site = "datadoghq.com", agentHost = "localhost" }: DatadogOptions): string {
  if (apiKey === undefined) return `http://${agentHost}:4318`;
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(site)) throw invalidOption("site", site, "is not a Datadog site");
  return `https://otlp.${site}`;
}
