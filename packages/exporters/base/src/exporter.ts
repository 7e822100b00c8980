import type { ExportLogsServiceRequest, ExportTraceServiceRequest } from "@spanloom/protocol/otlp";
import type { ExportResult } from "./export-result.ts";
import type { ShapeTelemetry } from "./shape/shape-telemetry.ts";

/**
 * What a backend is given: finished spans, log records, or both, in OTLP's own messages.
 *
 * Every span in it has ended. Ids are stable: the same span sent twice has the same trace and span id.
 */
export interface TelemetryBatch {
  readonly traces?: ExportTraceServiceRequest | undefined;
  readonly logs?: ExportLogsServiceRequest | undefined;
}

/**
 * Sends batches of spans and log records to one backend.
 *
 * An exporter knows its backend's protocol and nothing else: queueing, batching, retrying and counting are the
 * {@link ExportQueue}'s, so an exporter is glue of some fifty lines.
 *
 * Ownership. A batch is the caller's. An exporter MUST NOT change it and MUST NOT keep it, or parts of it, after the
 * promise of `export` settled. After `retry` the queue gives the very same object again.
 *
 * Parts. A batch is as large as the queue was told to make it. An exporter whose backend takes less, or takes spans and
 * log records separately, MUST split it and answer once for all parts. It MUST NOT send a part again that was taken:
 * after `retry` it knows the batch by its identity (a WeakMap does), or else it answers `exported` and counts what was
 * not taken as `rejected`.
 *
 * Errors. `export` SHOULD resolve with a result for every failure it foresees: an answer of the backend, a refused
 * connection, a timeout. It MAY reject; the queue then counts the batch as failed. It MUST NOT retry by itself, and it
 * MUST settle in bounded time, a backend that never answers included.
 *
 * Signals. An exporter that cannot serve a part of a batch (logs, say) MUST ignore that part silently and answer for
 * the rest; an empty batch MUST be answered `exported` without a call to the backend.
 *
 * Concurrency. The queue has at most one `export` under way. An exporter MAY assume it.
 *
 * Shutdown. `shutdown` ends what is under way, releases sockets, files and timers, and MUST be safe to call twice.
 * `export` after `shutdown` MUST resolve with `failed`.
 */
export interface Exporter {
  /** Short name for messages and metrics, e.g. `otlp`. Not unique. */
  readonly name: string;
  /** Where it sends, to tell it from others of its name; holds no secret. */
  readonly destination?: string;
  /**
   * What of the telemetry it is to be given, and how. Whoever feeds it MUST apply it, once and in front of any queue;
   * {@link ExportQueue} does. It is told of tasks of other batches only if it says that it asks for them.
   */
  readonly shape?: ShapeTelemetry | undefined;
  /** Sends one batch. */
  export(batch: TelemetryBatch): Promise<ExportResult>;
  /** Releases everything held. */
  shutdown(): Promise<void>;
}
