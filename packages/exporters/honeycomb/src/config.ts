import { choiceFrom, type OptionVariables, textFrom } from "@spanloom/exporter";
import type { OtlpPresetOptions, OtlpProtocol } from "@spanloom/exporter/otlp";

/** Where in Honeycomb to send, and as whom. */
export interface HoneycombOptions extends OtlpPresetOptions {
  /** An ingest key. */
  readonly apiKey?: string | undefined;
  /** Dataset, which Honeycomb Classic needs; others take `service.name`, and this for log records that have none. */
  readonly dataset?: string | undefined;
  /** Default `us`. */
  readonly region?: "us" | "eu" | undefined;
  /** Default `http/protobuf`. */
  readonly protocol?: OtlpProtocol | undefined;
}

/** The variables of {@link HoneycombOptions}; a region that is given beats an address of the environment. */
export const honeycombVariables: OptionVariables<HoneycombOptions> = {
  apiKey: textFrom("HONEYCOMB_API_KEY"),
  dataset: textFrom("HONEYCOMB_DATASET"),
  region: choiceFrom(["us", "eu"], "HONEYCOMB_REGION"),
  endpoint: { ...textFrom("HONEYCOMB_API_ENDPOINT"), unlessGiven: "region" },
};

/** Whether a key is of Honeycomb Classic, where every request must name its dataset. */
export function isClassic(apiKey: string): boolean {
  return /^[0-9a-f]{32}$/.test(apiKey) || /^hc[a-z]ic_[0-9a-z]{58}$/.test(apiKey);
}
