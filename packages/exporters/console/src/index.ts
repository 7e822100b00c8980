// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { ConsoleExporterOptions, TextSink } from "./config.ts";
export { ConsoleExporter, configureConsole, exporterFromEnv } from "./exporter.ts";
