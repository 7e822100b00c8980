// For users.
export {
  type Environment,
  type OtlpExporterOptions,
  type OtlpProtocol,
  type OtlpSignalOptions,
  type OtlpTls,
  otlpOptionsFromEnv,
} from "./config.ts";
export { OtlpExporter, otlpExporterFromEnv } from "./exporter.ts";
