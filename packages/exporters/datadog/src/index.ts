// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { DatadogOptions } from "./config.ts";
export { configureDatadog, datadogExporter, exporterFromEnv } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
