import { type OptionFields, otlpPresetFields, otlpSignalFields } from "@spanloom/exporter";
import type { JaegerOptions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<JaegerOptions> = {
  ...otlpPresetFields,
  protocol: otlpSignalFields.protocol,
};
