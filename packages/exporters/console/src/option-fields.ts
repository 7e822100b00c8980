import { exporterFields, type OptionFields } from "@spanloom/exporter";
import type { ConsoleOptions } from "./config.ts";

/** The options of a configuration file. */
export const optionFields: OptionFields<ConsoleOptions> = {
  ...exporterFields,
  stream: "code",
  format: { oneOf: ["tree", "json"] },
  color: "boolean",
  maxPendingSpans: "number",
};
