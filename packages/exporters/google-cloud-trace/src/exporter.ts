import {
  configureExporter,
  type Environment,
  type Exporter,
  type ExportResult,
  optionsFromEnv,
  type ShapeTelemetry,
  shapeTelemetry,
  type TelemetryBatch,
} from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { GoogleAuth } from "google-auth-library";
import { type GoogleCloudTraceOptions, type GoogleCredentials, googleCloudTraceVariables } from "./config.ts";

const SCOPE = "https://www.googleapis.com/auth/trace.append";

/**
 * Sends spans to Google Cloud Trace, as OTLP to Google's Telemetry API with Google's own credentials.
 *
 * The project may be known only once the credentials are: it is asked for with the first batch, and named on every
 * resource, as Google wants it. Until it can be had, `export` answers `retry`. Log records are left out.
 *
 * Errors: the constructor throws INVALID_FIELD for an option out of its domain.
 */
export class GoogleCloudTraceExporter implements Exporter {
  readonly name = "google-cloud-trace";
  readonly destination: string;
  readonly shape: ShapeTelemetry | undefined;
  readonly #credentials: GoogleCredentials;
  readonly #otlp: OtlpExporter;
  /** Batches as they were sent: after a retry it must be the same object. */
  readonly #sent = new WeakMap<TelemetryBatch, TelemetryBatch>();
  readonly #timeoutMs: number;
  #projectId: string | undefined;
  #withProject: ShapeTelemetry | undefined;
  readonly #closed = new AbortController();

  constructor(options: GoogleCloudTraceOptions = {}) {
    const { projectId, credentials, ...connection } = options;
    this.#credentials = credentials ?? new GoogleAuth({ scopes: SCOPE, ...(projectId !== undefined && { projectId }) });
    this.#projectId = projectId;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#otlp = new OtlpExporter(
      { compression: "gzip", ...connection, endpoint: options.endpoint ?? "https://telemetry.googleapis.com" },
      {
        backend: {
          name: this.name,
          account: projectId,
          signals: ["traces"],
          authorize: async ({ url, headers }) => ({
            ...headers,
            "x-goog-user-project": this.#projectId ?? "",
            ...Object.fromEntries(await this.#credentials.getRequestHeaders(url.href)),
          }),
        },
      },
    );
    this.shape = this.#otlp.shape;
    this.destination = this.#otlp.destination;
  }

  async export(batch: TelemetryBatch): Promise<ExportResult> {
    if (this.#closed.signal.aborted) return { outcome: "failed", message: "cannot export: the exporter is shut down" };
    const hasSpans = batch.traces?.resourceSpans.some(({ scopeSpans }) =>
      scopeSpans.some(({ spans }) => spans.length > 0),
    );
    if (!hasSpans) return { outcome: "exported" };
    try {
      this.#withProject ??= await this.#nameProject();
    } catch (error) {
      return { outcome: "retry", message: `cannot export: the project is not known: ${messageOf(error)}` };
    }
    const sent = this.#sent.get(batch) ?? this.#withProject({ traces: batch.traces });
    this.#sent.set(batch, sent);
    return this.#otlp.export(sent);
  }

  async shutdown(): Promise<void> {
    this.#closed.abort();
    await this.#otlp.shutdown();
  }

  async #nameProject(): Promise<ShapeTelemetry> {
    const signal = AbortSignal.any([AbortSignal.timeout(this.#timeoutMs), this.#closed.signal]);
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const end = () => reject(new Error(`no answer within ${this.#timeoutMs} ms, or shut down`));
    signal.addEventListener("abort", end, { once: true });
    try {
      this.#projectId ??= await Promise.race([this.#credentials.getProjectId(), ended]);
    } finally {
      signal.removeEventListener("abort", end);
    }
    return shapeTelemetry({ resourceAttributes: { "gcp.project_id": this.#projectId } });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Sends spans to Google Cloud Trace; see {@link GoogleCloudTraceExporter}.
 *
 * Errors: INVALID_FIELD for an option out of its domain.
 */
export function googleCloudTraceExporter(options: GoogleCloudTraceOptions = {}): GoogleCloudTraceExporter {
  return new GoogleCloudTraceExporter(options);
}

/**
 * As {@link googleCloudTraceExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is malformed.
 */
export function exporterFromEnv(env: Environment, options: GoogleCloudTraceOptions = {}): GoogleCloudTraceExporter {
  return googleCloudTraceExporter(optionsFromEnv(googleCloudTraceVariables, env, options));
}

/**
 * Sends what every runner of this process traces to Google Cloud Trace, too: one line before the runner is made. Options
 * beat the environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureGoogleCloudTrace(options: GoogleCloudTraceOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
