import { type OptionFields, otlpPresetFields, otlpSignalFields } from "@spanloom/exporter";
import type { WavefrontOptions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<WavefrontOptions> = {
  ...otlpPresetFields,
  protocol: otlpSignalFields.protocol,
  application: "text",
  sendLogs: "boolean",
};
