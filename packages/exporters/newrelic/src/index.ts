// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { NewRelicOptions } from "./config.ts";
export { configureNewRelic, exporterFromEnv, newRelicExporter } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
