// For users.
export type { Environment, ShapeOptions } from "@spanloom/exporter";
export type { GoogleCloudTraceOptions, GoogleCredentials } from "./config.ts";
export {
  configureGoogleCloudTrace,
  exporterFromEnv,
  GoogleCloudTraceExporter,
  googleCloudTraceExporter,
} from "./exporter.ts";
export { optionFields } from "./option-fields.ts";
