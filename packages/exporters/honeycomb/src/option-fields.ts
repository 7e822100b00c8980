import { type OptionFields, otlpPresetFields, otlpSignalFields } from "@spanloom/exporter";
import type { HoneycombOptions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<HoneycombOptions> = {
  ...otlpPresetFields,
  protocol: otlpSignalFields.protocol,
  apiKey: "text",
  dataset: "text",
  region: { oneOf: ["us", "eu"] },
};
