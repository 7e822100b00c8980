// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { TempoOptions } from "./config.ts";
export { configureTempo, exporterFromEnv, tempoExporter } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
