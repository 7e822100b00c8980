import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** Most ended spans that wait to be exported, how many go at a time, and how long the first of them waits. */
const BUFFER = { maxQueueSize: 4_096, maxExportBatchSize: 512, scheduledDelayMillis: 1_000 };

/** Spans so far. */
export interface SelfTracingStats {
  exported: number;
  /** Had no room in the buffer. */
  dropped: number;
  /** Were refused, or could not be sent in time. */
  failed: number;
}

/**
 * OpenTelemetry's batches, with what they drop counted and told.
 *
 * I1. At most `BUFFER.maxQueueSize` spans wait; what comes beyond is dropped and counted.
 * I2. A failed batch is counted and given up. Trouble is logged once, until it is over.
 */
export class BoundedProcessor implements SpanProcessor {
  readonly stats: SelfTracingStats = { exported: 0, dropped: 0, failed: 0 };
  readonly #exporter: SpanExporter;
  readonly #log: (line: string) => void;
  readonly #batches: BatchSpanProcessor;
  #waiting = 0;
  #inTrouble = false;

  constructor(exporter: SpanExporter, log: (line: string) => void) {
    this.#exporter = exporter;
    this.#log = log;
    const counted: SpanExporter = {
      export: (spans, done) => this.#export(spans, done),
      shutdown: () => exporter.shutdown(),
    };
    this.#batches = new BatchSpanProcessor(counted, BUFFER);
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#waiting >= BUFFER.maxQueueSize) {
      this.stats.dropped++;
      return;
    }
    this.#waiting++;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }

  #export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#waiting -= spans.length;
    this.#exporter.export(spans, ({ code, error }) => {
      if (code === ExportResultCode.SUCCESS) this.#exported(spans.length);
      else this.#failed(spans.length, error);
      // Told as done either way: OpenTelemetry would tell the process's own error handler.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  #exported(spans: number): void {
    this.stats.exported += spans;
    if (!this.#inTrouble) return;
    this.#inTrouble = false;
    const { dropped, failed } = this.stats;
    this.#log(`self-tracing goes on; ${dropped + failed} spans were lost since the start`);
  }

  #failed(spans: number, error: Error | undefined): void {
    this.stats.failed += spans;
    if (this.#inTrouble) return;
    this.#inTrouble = true;
    this.#log(`self-tracing: cannot export, spans are lost meanwhile: ${error?.message ?? "no reason given"}`);
  }
}
