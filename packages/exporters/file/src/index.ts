// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { FileOptions } from "./config.ts";
export { configureFile, exporterFromEnv, FileExporter, fileExporter } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
