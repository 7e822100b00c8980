// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { JaegerOptions } from "./config.ts";
export { configureJaeger, exporterFromEnv, jaegerExporter } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
