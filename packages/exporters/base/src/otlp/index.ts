// For packages of one backend.
export { otlpOptionsFromEnv } from "./otlp-env.ts";
export { OtlpExporter, type OtlpExporterWiring } from "./otlp-exporter.ts";
export { logsToJson, tracesToJson } from "./otlp-json.ts";
export {
  type OtlpBackend,
  type OtlpExporterOptions,
  type OtlpPresetOptions,
  type OtlpProtocol,
  type OtlpSignal,
  type OtlpSignalOptions,
  type OtlpTls,
  type OutgoingRequest,
  otlpProtocols,
} from "./otlp-options.ts";
