// For users.
export type { ConsoleExporterOptions, TextSink } from "./config.ts";
export { ConsoleExporter } from "./exporter.ts";
