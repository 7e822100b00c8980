import { invalidOption, type OptionVariables, textFrom } from "@spanloom/exporter";
import type { OtlpPresetOptions } from "@spanloom/exporter/otlp";

/** Where in Axiom to send, and as whom. */
export interface AxiomOptions extends OtlpPresetOptions {
  /** An API token that may ingest into the datasets. */
  readonly apiKey?: string | undefined;
  /** Dataset for spans. Axiom keeps each signal in a dataset of its own. */
  readonly dataset?: string | undefined;
  /** Dataset for log records. Without it they are left out. */
  readonly logsDataset?: string | undefined;
  /**
   * Edge deployment of the organization, e.g. `us-east-1.aws` or `eu-central-1.aws`, or its domain. Default: Axiom's API at
   * `api.axiom.co`.
   */
  readonly region?: string | undefined;
  /** Organization, which personal tokens need. */
  readonly orgId?: string | undefined;
}

/** The variables of {@link AxiomOptions}; a region that is given beats an address of the environment. */
export const axiomVariables: OptionVariables<AxiomOptions> = {
  apiKey: textFrom("AXIOM_API_KEY", "AXIOM_TOKEN"),
  dataset: textFrom("AXIOM_TRACES_DATASET", "AXIOM_DATASET"),
  logsDataset: textFrom("AXIOM_LOGS_DATASET"),
  region: textFrom("AXIOM_REGION", "AXIOM_EDGE_REGION"),
  endpoint: { ...textFrom("AXIOM_URL", "AXIOM_EDGE_URL"), unlessGiven: "region" },
  orgId: textFrom("AXIOM_ORG_ID"),
};

/** The base URL of a region. Errors: INVALID_FIELD for text that cannot be part of a host's name. */
export function axiomUrl(region: string | undefined): string {
  if (region === undefined) return "https://api.axiom.co";
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(region)) throw invalidOption("region", region, "is not the name of a region");
  if (region.endsWith(".axiom.co")) return `https://${region}`;
  return `https://${region.includes(".") ? region : `${region}.aws`}.edge.axiom.co`;
}
