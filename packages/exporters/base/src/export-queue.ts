import { Backlog, type WaitingPart } from "./backlog.ts";
import { batchSize } from "./batch-size.ts";
import type { ExportResult } from "./export-result.ts";
import type { Exporter, TelemetryBatch } from "./exporter.ts";
import { mergeBatches } from "./merge-batches.ts";
import { type QueueClock, systemQueueClock } from "./queue-clock.ts";
import { defaultRetryPolicy, nextRetryDelayMs, type RetryPolicy } from "./retry-delay.ts";
import type { TaskLookup } from "./shape/shape-options.ts";
import { type Part, type PartLimits, splitBatch } from "./split-batch.ts";
import { untraced } from "./untraced.ts";

/**
 * A bounded queue between the work and an exporter.
 *
 *   enqueue --> waiting --> in flight --> settled
 *      |         (batch full, old        |        ^
 *      v          enough, or flushed)    v        |
 *   dropped                           backing off +   (transient answers)
 *
 * I1. Nothing here throws into or delays the work: `enqueue` returns at once whatever happens.
 * I2. Every record enqueued is counted once: exported, rejected, failed, dropped, or still queued; but for those that
 *     the exporter's `shape` leaves out, which were never meant for it.
 * I3. At most one batch is in flight or backing off; records leave in the order they came.
 * I4. Records waiting, in flight and backing off never exceed `maxQueuedRecords` and `maxQueuedBytes`. What does not
 *     fit is dropped when it comes; what was taken is never pushed out by what comes later.
 * I5. A batch is sent again only after a transient answer, and not before the backend's Retry-After.
 */

/** Bounds and pace of a queue. */
export interface ExportQueueOptions {
  /** Most spans and log records held, those in flight included. Default 100,000; sensible 10,000..1,000,000. */
  readonly maxQueuedRecords?: number;
  /** Most bytes held, by the estimate of batch-size.ts. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** Records in a full batch. Default 2,048. */
  readonly maxBatchRecords?: number;
  /** Bytes in a full batch. Default 2 MiB: half of what the strictest common backend takes, as sizes are estimates. */
  readonly maxBatchBytes?: number;
  /** Age at which a batch is sent although it is not full, in milliseconds. Default 1,000. */
  readonly maxAgeMs?: number;
  /** When to try again. */
  readonly retry?: Partial<RetryPolicy>;
  /** Told of drops and failures, once per outage and kind, not per record. Default: nobody. */
  readonly log?: (line: string) => void;
  /** Default: the process's. */
  readonly clock?: QueueClock;
}

/**
 * Why records were never sent: there was no room, one alone is larger than the queue, the queue was shut down, or what was
 * enqueued could not be read.
 */
export type DropReason = "queue_full" | "too_large" | "shut_down" | "malformed";

/** What a queue has done and holds. Records are spans and log records together. */
export interface ExportQueueStats {
  /** Records the backend took. */
  readonly exported: number;
  /** Records the backend refused in batches it took. */
  readonly rejected: number;
  /** Records given up after a permanent answer, or after transient ones for too long. */
  readonly failed: number;
  /** Records never sent, for whichever reason. */
  readonly dropped: number;
  /** The same by reason. */
  readonly droppedBy: Readonly<Record<DropReason, number>>;
  /** Times a batch was sent again. */
  readonly retried: number;
  readonly queuedSpans: number;
  readonly queuedLogRecords: number;
  readonly queuedBytes: number;
}

/** A bounded queue in front of an exporter; see the top of this file. */
export class ExportQueue {
  readonly #exporter: Exporter;
  readonly #backlog: Backlog;
  readonly #batchLimits: PartLimits;
  readonly #maxAgeMs: number;
  readonly #retry: RetryPolicy;
  readonly #clock: QueueClock;
  readonly #log: (line: string) => void;
  readonly #counts = { exported: 0, rejected: 0, failed: 0, retried: 0 };
  readonly #dropped: Record<DropReason, number> = { queue_full: 0, too_large: 0, shut_down: 0, malformed: 0 };
  readonly #reported = new Set<string>();
  readonly #flushes = new Set<{ upTo: number; resolve: (done: boolean) => void }>();
  /** Parts admitted and settled so far; a flush waits for the second to reach what the first was (I3). */
  #admitted = 0;
  #settled = 0;
  #flushUpTo = 0;
  #sending = false;
  #cancelAge: (() => void) | undefined;
  #endPause: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #abandoned = false;

  constructor(exporter: Exporter, options: ExportQueueOptions = {}) {
    const { maxQueuedRecords = 100_000, maxQueuedBytes = 64 * 1024 * 1024 } = options;
    this.#exporter = exporter;
    this.#batchLimits = {
      maxRecords: options.maxBatchRecords ?? 2_048,
      maxBytes: options.maxBatchBytes ?? 2 * 1024 * 1024,
    };
    this.#backlog = new Backlog({ maxQueuedRecords, maxQueuedBytes }, this.#batchLimits);
    this.#maxAgeMs = options.maxAgeMs ?? 1_000;
    this.#retry = { ...defaultRetryPolicy, ...options.retry };
    this.#clock = options.clock ?? systemQueueClock;
    this.#log = options.log ?? (() => undefined);
  }

  /**
   * Takes a batch for sending. Never throws and never blocks (I1); what does not fit is dropped and counted (I4).
   *
   * The batch becomes the queue's: the caller must not change it afterwards. `tasks` is what the exporter's shape may ask of
   * tasks whose span is not in the batch.
   */
  enqueue(batch: TelemetryBatch, tasks?: TaskLookup): void {
    let parts: readonly Part[];
    try {
      parts = splitBatch(this.#exporter.shape?.(batch, tasks) ?? batch, this.#batchLimits);
    } catch (error) {
      // What is not OTLP is a defect of the caller, and must still not fail the work (I1).
      this.#drop(recordsIn(batch), "malformed", `it cannot be read: ${messageOf(error)}`);
      return;
    }
    for (const part of parts) this.#admit(part);
    this.#pump();
  }

  #admit(part: Part): void {
    const records = part.size.spans + part.size.logRecords;
    if (this.#closing) this.#drop(records, "shut_down", "it is shut down");
    else if (this.#backlog.admit(part, this.#clock.nowMs())) this.#admitted++;
    else if (this.#backlog.canHold(part)) this.#drop(records, "queue_full", "its queue is full");
    else this.#drop(records, "too_large", `a record of ${part.size.bytes} bytes is larger than its queue`);
  }

  /**
   * Sends what is queued without waiting for full batches.
   *
   * Gives true once everything enqueued before has settled; false when `deadlineMs` milliseconds passed first, and what
   * is left stays queued.
   */
  flush(deadlineMs: number): Promise<boolean> {
    if (this.#settled >= this.#admitted) return Promise.resolve(true);
    this.#flushUpTo = this.#admitted;
    return new Promise((resolve) => {
      const flush = { upTo: this.#admitted, resolve: (done: boolean) => finish(done) };
      const cancel = this.#clock.schedule(() => finish(false), deadlineMs, true);
      const finish = (done: boolean): void => {
        cancel();
        this.#flushes.delete(flush);
        resolve(done);
      };
      this.#flushes.add(flush);
      this.#pump();
    });
  }

  /**
   * Takes nothing more, flushes for at most `deadlineMs` milliseconds, drops and counts what is left, and shuts the
   * exporter down, waiting at most a second for it. Never rejects. Safe to call twice: the second call waits for the first.
   */
  shutdown(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  /** Shuts down within five seconds. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown(5_000);
  }

  /** Counts so far. */
  stats(): ExportQueueStats {
    const { spans, logRecords, bytes } = this.#backlog.held;
    const dropped = Object.values(this.#dropped).reduce((sum, records) => sum + records, 0);
    const queued = { queuedSpans: spans, queuedLogRecords: logRecords, queuedBytes: bytes };
    return { ...this.#counts, dropped, droppedBy: { ...this.#dropped }, ...queued };
  }

  /** Starts sending when something is due, else sees to it that it will be. */
  #pump(): void {
    const oldestMs = this.#backlog.oldestMs;
    if (this.#sending || oldestMs === undefined) return;
    const ageMs = this.#clock.nowMs() - oldestMs;
    const due = this.#backlog.full || ageMs >= this.#maxAgeMs || this.#settled < this.#flushUpTo;
    if (due) void this.#sendDue();
    else
      this.#cancelAge ??= this.#clock.schedule(() => {
        this.#cancelAge = undefined;
        this.#pump();
      }, this.#maxAgeMs - ageMs);
  }

  async #sendDue(): Promise<void> {
    this.#sending = true;
    this.#cancelAge?.();
    this.#cancelAge = undefined;
    const parts = this.#backlog.take();
    const result = await this.#sendUntilSettled(parts);
    if (this.#abandoned) return;
    this.#count(parts, result);
    this.#backlog.release(parts);
    this.#settled += parts.length;
    this.#sending = false;
    for (const flush of [...this.#flushes]) if (this.#settled >= flush.upTo) flush.resolve(true);
    this.#pump();
  }

  async #sendUntilSettled(parts: readonly WaitingPart[]): Promise<ExportResult> {
    const batch = mergeBatches(parts.map((part) => part.batch));
    const startMs = this.#clock.nowMs();
    for (let failures = 1; ; failures++) {
      const result = await this.#sendOnce(batch);
      if (result.outcome !== "retry" || this.#abandoned) return result;
      const { retryAfterMs, message } = result;
      const delayMs = nextRetryDelayMs(this.#retry, { failures, retryAfterMs, random: this.#clock.random() });
      if (this.#clock.nowMs() - startMs + delayMs > this.#retry.maxElapsedMs) return { outcome: "failed", message };
      this.#report("retry", `exporter "${this.#exporter.name}" will try again: ${message}`);
      await this.#pause(delayMs);
      if (this.#abandoned) return result;
      this.#counts.retried++;
    }
  }

  async #sendOnce(batch: TelemetryBatch): Promise<ExportResult> {
    try {
      return await untraced(() => this.#exporter.export(batch));
    } catch (error) {
      // The contract lets an exporter reject; the records are counted as failed, so nothing is lost in silence.
      return { outcome: "failed", message: messageOf(error) };
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(resolve, delayMs);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }

  #count(parts: readonly WaitingPart[], result: ExportResult): void {
    const records = parts.reduce((sum, { size }) => sum + size.spans + size.logRecords, 0);
    if (result.outcome !== "exported") {
      this.#counts.failed += records;
      this.#report("failed", `exporter "${this.#exporter.name}" lost ${records} records: ${result.message}`);
      return;
    }
    this.#reported.clear();
    const { spans = 0, logRecords = 0, message = "" } = result.rejected ?? {};
    const rejected = Math.min(records, spans + logRecords);
    this.#counts.rejected += rejected;
    this.#counts.exported += records - rejected;
    if (rejected > 0) this.#report("rejected", `exporter "${this.#exporter.name}": ${rejected} refused: ${message}`);
  }

  #drop(records: number, reason: DropReason, why: string): void {
    this.#dropped[reason] += records;
    this.#report(reason, `exporter "${this.#exporter.name}" drops telemetry: ${why}`);
  }

  async #close(deadlineMs: number): Promise<void> {
    await this.flush(deadlineMs);
    this.#abandoned = true;
    this.#cancelAge?.();
    this.#endPause?.();
    const left = this.#backlog.clear();
    if (left > 0) this.#drop(left, "shut_down", "it is shut down");
    for (const flush of [...this.#flushes]) flush.resolve(false);
    await this.#shutDownExporter();
  }

  async #shutDownExporter(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.schedule(resolve, 1_000, true);
      void this.#tryShutDownExporter().then(() => {
        cancel();
        resolve();
      });
    });
  }

  async #tryShutDownExporter(): Promise<void> {
    try {
      await this.#exporter.shutdown();
    } catch (error) {
      // Nobody can act on it any more, and shutting down must not fail (I1).
      this.#report("shutdown", `exporter "${this.#exporter.name}" did not shut down: ${messageOf(error)}`);
    }
  }

  /** Tells of a kind of trouble once, until a batch goes through again. */
  #report(kind: string, line: string): void {
    if (this.#reported.has(kind)) return;
    this.#reported.add(kind);
    try {
      this.#log(line);
    } catch {
      // A logger that throws must not fail the work (I1), and there is nowhere else to say so.
    }
  }
}

/** Records of a batch as far as it can be read. */
function recordsIn(batch: TelemetryBatch): number {
  try {
    const { spans, logRecords } = batchSize(batch);
    return spans + logRecords;
  } catch {
    // It is not OTLP: nobody can say how many records it was meant to be.
    return 0;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
