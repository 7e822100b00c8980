import { type OptionFields, otlpPresetFields, otlpSignalFields } from "@spanloom/exporter";
import type { TempoOptions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<TempoOptions> = {
  ...otlpPresetFields,
  protocol: otlpSignalFields.protocol,
  tenant: "text",
  username: "text",
  password: "text",
};
