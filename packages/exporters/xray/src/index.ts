// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { XrayOptions } from "./config.ts";
export { configureXray, exporterFromEnv, xrayExporter } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
