import { type OptionVariables, textFrom } from "@spanloom/exporter";
import type { OtlpPresetOptions } from "@spanloom/exporter/otlp";

/** Whose credentials requests carry: `GoogleAuth` of `google-auth-library` is one. */
export interface GoogleCredentials {
  /** The project that credentials or the machine belong to. */
  getProjectId(): Promise<string>;
  /** Headers of a request to an address. */
  getRequestHeaders(url: string): Promise<Headers>;
}

/** Which project to send to, and as whom. */
export interface GoogleCloudTraceOptions extends OtlpPresetOptions {
  /** Project that keeps the traces and pays for the requests. Default: that of the credentials or the machine. */
  readonly projectId?: string | undefined;
  /** Default: Google's application default credentials, as its library finds them. */
  readonly credentials?: GoogleCredentials | undefined;
}

/**
 * The variables of {@link GoogleCloudTraceOptions}. Google's library reads those of credentials,
 * `GOOGLE_APPLICATION_CREDENTIALS` among them.
 */
export const googleCloudTraceVariables: OptionVariables<GoogleCloudTraceOptions> = {
  projectId: textFrom("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"),
};
