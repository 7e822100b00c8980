import { exporterFields, type OptionFields } from "@spanloom/exporter";
import { type FileOptions, fileFormats } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<FileOptions> = {
  ...exporterFields,
  directory: "text",
  format: { oneOf: fileFormats },
  maxFileBytes: "number",
  maxFileAgeMs: "number",
  maxFiles: "number",
};
