import { type OptionFields, otlpPresetFields } from "@spanloom/exporter";
import type { GoogleCloudTraceOptions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<GoogleCloudTraceOptions> = {
  ...otlpPresetFields,
  projectId: "text",
  credentials: "code",
};
