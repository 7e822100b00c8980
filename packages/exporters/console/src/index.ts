// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { ConsoleOptions, TextSink } from "./config.ts";
export { ConsoleExporter, configureConsole, consoleExporter, exporterFromEnv } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
