import { type OptionFields, otlpPresetFields, otlpSignalFields } from "@spanloom/exporter";
import { type NewRelicOptions, newRelicRegions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<NewRelicOptions> = {
  ...otlpPresetFields,
  protocol: otlpSignalFields.protocol,
  licenseKey: "text",
  region: { oneOf: newRelicRegions },
};
