import { type Environment, invalidOption, shapeOptionsOf, variableOf, withDefaults } from "@spanloom/exporter";
import type { OtlpPresetOptions } from "@spanloom/exporter/otlp";

/** Where in Axiom to send, and as whom. */
export interface AxiomOptions extends OtlpPresetOptions {
  /** An API token that may ingest into the datasets. */
  readonly apiKey?: string | undefined;
  /** Dataset for spans. Axiom keeps each signal in a dataset of its own. */
  readonly dataset?: string | undefined;
  /** Dataset for log records. Without it they are left out. */
  readonly logsDataset?: string | undefined;
  /** Region of the organization, e.g. `us-east-1.aws` or `eu-central-1.aws`. Default: Axiom's API at `api.axiom.co`. */
  readonly region?: string | undefined;
  /** Organization, which personal tokens need. */
  readonly orgId?: string | undefined;
}

/**
 * Options over `AXIOM_API_KEY` (or `AXIOM_TOKEN`), `AXIOM_TRACES_DATASET` (or `AXIOM_DATASET`), `AXIOM_LOGS_DATASET`,
 * `AXIOM_REGION`, `AXIOM_URL` and `AXIOM_ORG_ID`.
 */
export function axiomOptionsFromEnv(env: Environment, options: AxiomOptions = {}): AxiomOptions {
  const fromEnv: AxiomOptions = {
    apiKey: variableOf(env, "AXIOM_API_KEY", "AXIOM_TOKEN")?.value,
    dataset: variableOf(env, "AXIOM_TRACES_DATASET", "AXIOM_DATASET")?.value,
    logsDataset: variableOf(env, "AXIOM_LOGS_DATASET")?.value,
    // A region that is given beats an address of the environment.
    endpoint: options.region === undefined ? variableOf(env, "AXIOM_URL")?.value : undefined,
    region: variableOf(env, "AXIOM_REGION")?.value,
    orgId: variableOf(env, "AXIOM_ORG_ID")?.value,
  };
  return { ...withDefaults(options, fromEnv), shape: shapeOptionsOf(env, options.shape) };
}

/** The base URL of a region. Errors: INVALID_FIELD for text that cannot be part of a host's name. */
export function axiomUrl(region: string | undefined): string {
  if (region === undefined) return "https://api.axiom.co";
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(region)) throw invalidOption("region", region, "is not the name of a region");
  return `https://${region.includes(".") ? region : `${region}.aws`}.edge.axiom.co`;
}
