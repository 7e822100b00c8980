import { type OptionFields, otlpPresetFields } from "@spanloom/exporter";
import type { DatadogOptions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<DatadogOptions> = {
  ...otlpPresetFields,
  apiKey: "text",
  site: "text",
  source: "text",
  env: "text",
  agentHost: "text",
};
