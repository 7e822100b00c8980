// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { WavefrontOptions } from "./config.ts";
export { configureWavefront, exporterFromEnv, wavefrontExporter } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
