// For packages of one backend.
export { otlpOptionsFromEnv } from "./otlp-env.ts";
export { OtlpExporter, type OtlpExporterWiring } from "./otlp-exporter.ts";
export { logsToJson, tracesToJson } from "./otlp-json.ts";
export type {
  OtlpBackend,
  OtlpExporterOptions,
  OtlpProtocol,
  OtlpSignal,
  OtlpSignalOptions,
  OtlpTls,
  OutgoingRequest,
} from "./otlp-options.ts";
