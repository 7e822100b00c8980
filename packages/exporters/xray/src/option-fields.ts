import { type OptionFields, otlpPresetFields } from "@spanloom/exporter";
import type { XrayOptions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<XrayOptions> = {
  ...otlpPresetFields,
  region: "text",
  credentials: "code",
  logGroup: "text",
  logStream: "text",
  traceIds: { oneOf: ["w3c", "epoch"] },
};
