// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { AxiomOptions } from "./config.ts";
export { axiomExporter, configureAxiom, exporterFromEnv } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
