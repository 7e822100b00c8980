import { choiceOf, type Environment, shapeOptionsOf, variableOf, withDefaults } from "@spanloom/exporter";
import type { OtlpPresetOptions, OtlpProtocol } from "@spanloom/exporter/otlp";

/** Regions of New Relic; `gov` is FedRAMP. */
export const newRelicRegions = ["us", "eu", "gov"] as const;

/** Where in New Relic to send, and as whom. */
export interface NewRelicOptions extends OtlpPresetOptions {
  /** The license key of the account. */
  readonly licenseKey?: string | undefined;
  /** Default: what the license key says, which begins with `eu` for accounts in the EU and `gov` for FedRAMP. */
  readonly region?: (typeof newRelicRegions)[number] | undefined;
  /** Default `http/protobuf`, which New Relic recommends. */
  readonly protocol?: OtlpProtocol | undefined;
}

/** Options over `NEW_RELIC_LICENSE_KEY`, `NEW_RELIC_REGION` and `NEW_RELIC_OTLP_ENDPOINT`. */
export function newRelicOptionsFromEnv(env: Environment, options: NewRelicOptions = {}): NewRelicOptions {
  const region = variableOf(env, "NEW_RELIC_REGION");
  const fromEnv: NewRelicOptions = {
    licenseKey: variableOf(env, "NEW_RELIC_LICENSE_KEY")?.value,
    region: choiceOf(region && { ...region, value: region.value.toLowerCase() }, newRelicRegions),
    // A region that is given beats an address of the environment.
    endpoint: options.region === undefined ? variableOf(env, "NEW_RELIC_OTLP_ENDPOINT")?.value : undefined,
  };
  return { ...withDefaults(options, fromEnv), shape: shapeOptionsOf(env, options.shape) };
}
