import { batchSize, type Exporter, type ExportResult, exported, type TelemetryBatch } from "@spanloom/exporter";
import { type Environment, type OtlpExporterOptions, otlpOptionsFromEnv, targetOf } from "./config.ts";
import { grpcLogsSender, grpcTracesSender } from "./grpc-sender.ts";
import { httpLogsSender, httpTracesSender } from "./http-sender.ts";
import type { LogsSender, TracesSender } from "./sender.ts";

/**
 * Sends spans and log records to any OTLP endpoint, over HTTP with Protocol Buffers or gRPC.
 *
 * It answers `retry` for what OTLP calls retryable (429, 502, 503, 504; UNAVAILABLE and its like), a refused or broken
 * connection and a timeout, with the delay the endpoint asked for.
 *
 * Errors: the constructor throws INVALID_FIELD for options out of their domain; `export` never rejects.
 */
export class OtlpExporter implements Exporter {
  readonly name = "otlp";
  readonly #traces: TracesSender;
  readonly #logs: LogsSender;
  /** Results for the spans of batches whose log records are still to be taken: those spans must not be sent again. */
  readonly #taken = new WeakMap<TelemetryBatch, ExportResult>();
  #isShutDown = false;

  /** `nowMs` gives epoch milliseconds, to read Retry-After dates. */
  constructor(options: OtlpExporterOptions = {}, nowMs: () => number = Date.now) {
    const [traces, logs] = [targetOf(options, "traces"), targetOf(options, "logs")];
    this.#traces = traces.protocol === "grpc" ? grpcTracesSender(traces) : httpTracesSender(traces, nowMs);
    this.#logs = logs.protocol === "grpc" ? grpcLogsSender(logs) : httpLogsSender(logs, nowMs);
  }

  async export(batch: TelemetryBatch): Promise<ExportResult> {
    if (this.#isShutDown) return { outcome: "failed", message: "cannot export: the exporter is shut down" };
    const spans = this.#taken.get(batch) ?? (await this.#exportSpans(batch));
    if (spans.outcome === "retry") return spans;
    const logs = await this.#exportLogs(batch);
    if (logs.outcome === "retry") this.#taken.set(batch, spans);
    return joined(batch, spans, logs);
  }

  async shutdown(): Promise<void> {
    this.#isShutDown = true;
    this.#traces.close();
    this.#logs.close();
  }

  async #exportSpans({ traces }: TelemetryBatch): Promise<ExportResult> {
    return traces && traces.resourceSpans.length > 0 ? this.#traces.send(traces) : exported;
  }

  async #exportLogs({ logs }: TelemetryBatch): Promise<ExportResult> {
    return logs && logs.resourceLogs.length > 0 ? this.#logs.send(logs) : exported;
  }
}

/** One answer for both signals: what failed for good beside what was taken is rejected. */
function joined(batch: TelemetryBatch, spans: ExportResult, logs: ExportResult): ExportResult {
  if (logs.outcome === "retry") return logs;
  const size = batchSize(batch);
  const rejected = {
    spans: spans.outcome === "failed" ? size.spans : (rejectedBy(spans)?.spans ?? 0),
    logRecords: logs.outcome === "failed" ? size.logRecords : (rejectedBy(logs)?.logRecords ?? 0),
    message: [messageOf(spans), messageOf(logs)].filter((text) => text !== "").join("; "),
  };
  const records = rejected.spans + rejected.logRecords;
  if (records === 0) return exported;
  const nothingTaken = records === size.spans + size.logRecords;
  return nothingTaken ? { outcome: "failed", message: rejected.message } : { outcome: "exported", rejected };
}

function rejectedBy(result: ExportResult): { spans: number; logRecords: number; message: string } | undefined {
  return result.outcome === "exported" ? result.rejected : undefined;
}

function messageOf(result: ExportResult): string {
  return result.outcome === "exported" ? (result.rejected?.message ?? "") : result.message;
}

/**
 * An exporter configured by the variables OpenTelemetry defines; see {@link otlpOptionsFromEnv}.
 *
 * Errors: INVALID_FIELD naming the variable that is malformed.
 */
export function otlpExporterFromEnv(env: Environment): OtlpExporter {
  return new OtlpExporter(otlpOptionsFromEnv(env));
}
