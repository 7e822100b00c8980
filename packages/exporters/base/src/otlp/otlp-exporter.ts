import { batchSize } from "../batch-size.ts";
import { type ExportResult, exported } from "../export-result.ts";
import type { Exporter, TelemetryBatch } from "../exporter.ts";
import { type ShapeTelemetry, shapeTelemetry } from "../shape/shape-telemetry.ts";
import { type Part, type PartLimits, splitBatch } from "../split-batch.ts";
import { grpcLogsSender, grpcTracesSender } from "./grpc-sender.ts";
import { httpLogsSender, httpTracesSender } from "./http-sender.ts";
import {
  type OtlpBackend,
  type OtlpExporterOptions,
  type OtlpSignal,
  type OtlpTarget,
  targetOf,
} from "./otlp-options.ts";
import type { LogsSender, SendResult, TracesSender } from "./sender.ts";

/** What a package for one backend hands in, and tests do. */
export interface OtlpExporterWiring {
  readonly backend?: OtlpBackend | undefined;
  /** Epoch milliseconds, to read Retry-After dates. Default: the process's clock. */
  readonly nowMs?: (() => number) | undefined;
}

/** How far a batch has come. */
interface Progress {
  readonly waiting: Part[];
  readonly rejected: { spans: number; logRecords: number };
  readonly messages: Set<string>;
}

/**
 * Sends spans and log records to any OTLP endpoint, over HTTP with Protocol Buffers or JSON, or gRPC.
 *
 * It answers `retry` for what OTLP calls retryable (429, 502, 503, 504; UNAVAILABLE and its like), a timeout, and a
 * connection that is refused, broken or not secure, with the delay the endpoint asked for. Spans and log records are
 * requests of their own, as is each part of a batch larger than the backend takes; what is too large all the same (413) is
 * halved. A part that was taken or refused for good is not sent again with the rest.
 *
 * Errors: the constructor throws INVALID_FIELD for options out of their domain; `export` never rejects.
 */
export class OtlpExporter implements Exporter {
  readonly name: string;
  readonly destination: string;
  readonly shape: ShapeTelemetry | undefined;
  readonly #signals: readonly OtlpSignal[];
  readonly #limits: PartLimits;
  readonly #traces: TracesSender;
  readonly #logs: LogsSender;
  /** Batches of which a part is still to be taken. */
  readonly #underWay = new WeakMap<TelemetryBatch, Progress>();
  #isShutDown = false;

  constructor(options: OtlpExporterOptions = {}, { backend = {}, nowMs = Date.now }: OtlpExporterWiring = {}) {
    const [traces, logs] = [targetOf(options, "traces", backend), targetOf(options, "logs", backend)];
    this.name = backend.name ?? "otlp";
    this.shape = both(options.shape && shapeTelemetry(options.shape), backend.translate);
    this.#signals = backend.signals ?? ["traces", "logs"];
    this.destination = destinationOf(
      this.#signals.map((signal) => (signal === "traces" ? traces : logs)),
      backend.account,
    );
    this.#limits = {
      maxRecords: backend.maxRequestRecords ?? Number.POSITIVE_INFINITY,
      maxBytes: backend.maxRequestBytes ?? Number.POSITIVE_INFINITY,
    };
    this.#traces = traces.protocol === "grpc" ? grpcTracesSender(traces) : httpTracesSender(traces, nowMs);
    this.#logs = logs.protocol === "grpc" ? grpcLogsSender(logs) : httpLogsSender(logs, nowMs);
  }

  async export(batch: TelemetryBatch): Promise<ExportResult> {
    if (this.#isShutDown) return { outcome: "failed", message: "cannot export: the exporter is shut down" };
    const progress = this.#underWay.get(batch) ?? this.#begin(batch);
    for (let part = progress.waiting[0]; part; part = progress.waiting[0]) {
      const result = await this.#send(part);
      if (result.outcome === "retry") {
        this.#underWay.set(batch, progress);
        return result;
      }
      progress.waiting.splice(0, 1, ...this.#settle(progress, part, result));
    }
    this.#underWay.delete(batch);
    return this.#resultOf(batch, progress);
  }

  async shutdown(): Promise<void> {
    this.#isShutDown = true;
    this.#traces.close();
    this.#logs.close();
  }

  /** Spans before log records, each in parts that fit. */
  #begin({ traces, logs }: TelemetryBatch): Progress {
    const parts = [
      ...(this.#signals.includes("traces") ? splitBatch({ traces }, this.#limits) : []),
      ...(this.#signals.includes("logs") ? splitBatch({ logs }, this.#limits) : []),
    ];
    return { waiting: parts, rejected: { spans: 0, logRecords: 0 }, messages: new Set() };
  }

  async #send({ batch: { traces, logs } }: Part): Promise<SendResult> {
    return traces ? this.#traces.send(traces) : this.#logs.send(logs!);
  }

  /** Notes what became of a part, and gives the parts to send in its place. */
  #settle(
    { rejected, messages }: Progress,
    { batch, size }: Part,
    result: Exclude<SendResult, { outcome: "retry" }>,
  ): Part[] {
    const records = size.spans + size.logRecords;
    if (result.outcome === "too large" && records > 1)
      return splitBatch(batch, { maxRecords: Math.ceil(records / 2), maxBytes: Number.POSITIVE_INFINITY });
    const refused = result.outcome === "exported" ? result.rejected : { ...size, message: result.message };
    if (!refused) return [];
    rejected.spans += Math.min(refused.spans, size.spans);
    rejected.logRecords += Math.min(refused.logRecords, size.logRecords);
    if (refused.message !== "") messages.add(refused.message);
    return [];
  }

  /** One answer for all parts: what failed for good beside what was taken is rejected. */
  #resultOf(batch: TelemetryBatch, { rejected, messages }: Progress): ExportResult {
    const records = rejected.spans + rejected.logRecords;
    if (records === 0) return exported;
    const message = [...messages].join("; ");
    const size = batchSize({
      traces: this.#signals.includes("traces") ? batch.traces : undefined,
      logs: this.#signals.includes("logs") ? batch.logs : undefined,
    });
    if (records >= size.spans + size.logRecords) return { outcome: "failed", message };
    return { outcome: "exported", rejected: { ...rejected, message } };
  }
}

function both(first: ShapeTelemetry | undefined, second: ShapeTelemetry | undefined): ShapeTelemetry | undefined {
  if (!first || !second) return first ?? second;
  const shape: ShapeTelemetry = (batch, tasks) => second(first(batch, tasks));
  return Object.assign(shape, { asksForTasks: first.asksForTasks ?? false });
}

/** Neither users, passwords nor queries of URLs: they may be secrets. */
function destinationOf(targets: readonly OtlpTarget[], account = ""): string {
  const urls = new Set(targets.map(({ url: { origin, pathname } }) => `${origin}${pathname}`));
  return [...urls, account].join(" ").trimEnd();
}
