// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export {
  OtlpExporter,
  type OtlpExporterOptions,
  type OtlpProtocol,
  type OtlpSignalOptions,
  type OtlpTls,
  otlpOptionsFromEnv,
} from "@spanloom/exporter/otlp";
export { configureOtlp, exporterFromEnv } from "./exporter.ts";
