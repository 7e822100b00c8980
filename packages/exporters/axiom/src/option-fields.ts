import { type OptionFields, otlpPresetFields } from "@spanloom/exporter";
import type { AxiomOptions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<AxiomOptions> = {
  ...otlpPresetFields,
  apiKey: "text",
  dataset: "text",
  logsDataset: "text",
  region: "text",
  orgId: "text",
};
