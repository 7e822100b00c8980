// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export {
  OtlpExporter,
  type OtlpExporterOptions as OtlpOptions,
  type OtlpProtocol,
  type OtlpSignalOptions,
  type OtlpTls,
  otlpOptionsFromEnv,
} from "@spanloom/exporter/otlp";
export { configureOtlp, exporterFromEnv, otlpExporter } from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
