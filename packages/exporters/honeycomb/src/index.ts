// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { HoneycombOptions } from "./config.ts";
export { configureHoneycomb, exporterFromEnv, honeycombExporter } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
