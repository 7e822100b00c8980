import { setImmediate as nextTurn } from "node:timers/promises";
import { SpanloomError } from "@spanloom/protocol";
import type { Clock } from "../../clock.ts";
import type { SpanStore } from "../columnar/span-store.ts";
import type { Spool } from "../spool/spool.ts";
import type { IngestOutcome, OtlpPayload } from "../telemetry.ts";
import { presentLogIds } from "./ingest-ids.ts";
import { OtlpReader } from "./otlp-reader.ts";

/** When a batch is full: an insert of this size costs about as much per row as any larger one. */
const BATCH = { rows: 100_000, bytes: 48 * 1024 * 1024 };
/** How long rows gather when nobody asks for them. */
const FLUSH_DELAY_MS = 500;
/** After a failed insert the first wait, doubled up to the last. */
const RETRY_MS = { first: 250, last: 15_000 };
/** Inserts of one batch that fail for the batch's own sake before it is given up. */
const _MAX_DEFECTS = 5;
/** Decoding done in one turn of the event loop before others get one. */
const SLICE_MS = 8;

/** What the drainer works with. */
export interface DrainerOptions {
  spool: Spool;
  spanStore: SpanStore;
  clock: Clock;
  log: (line: string) => void;
}

/** Counts since start. */
export interface DrainerCounts {
  ingestedSpans: number;
  ingestedLogs: number;
  rejectedRecords: number;
  droppedPayloads: number;
}

interface Waiter {
  seq: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Moves payloads from their arrival to the telemetry store: decoded once into the open batch while the spool makes
 * them durable, inserted in big batches, then released.
 *
 * I1. Batches cover payload numbers without gaps and are inserted in order; a payload is released when its batch is in.
 * I2. Rows are decoded at arrival, which is also the validation that the answer needs. When the store falls behind by a
 *     whole batch, payloads are still validated but their rows are dropped, and the batch is read back from the spool
 *     when its turn comes: memory stays bounded and nothing is lost.
 * I3. Before a batch is tried again, or replayed after a crash, the log records already in the store are asked for by
 *     id and left out: a log record is stored once, also across SIGKILL. Spans need no such care: their key is unique.
 * I4. A batch is only inserted once all its payloads are durable.
 */
export class Drainer {
  readonly counts: DrainerCounts = { ingestedSpans: 0, ingestedLogs: 0, rejectedRecords: 0, droppedPayloads: 0 };
  readonly #options: DrainerOptions;
  #open = new OtlpReader();
  #spare: OtlpReader | undefined = new OtlpReader();
  /** Numbers: first of the open batch, and first whose rows are only in the spool (none when undefined). */
  #openFrom: number;
  #spooledFrom: number | undefined;
  #insertedSeq: number;
  readonly #syncing = new Set<Promise<void>>();
  #syncFailed = false;
  #waiters: Waiter[] = [];
  #draining: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #failure: unknown;
  #retryMs = 0;
  #defects = 0;
  #stopping = false;
  #sliceStartedMs = 0;

  /** The spool must be open; what it holds is drained first. */
  constructor(options: DrainerOptions) {
    this.#options = options;
    const { spool } = options;
    this.#openFrom = spool.nextSeq;
    this.#insertedSeq = spool.firstSeq - 1;
    if (spool.firstSeq < spool.nextSeq) this.#spooledFrom = spool.firstSeq;
  }

  /** Begins to drain what the spool holds. */
  start(): void {
    if (this.#spooledFrom !== undefined) this.#kick();
  }

  /** Makes payloads durable and takes their rows. Errors: OVERLOADED; INVALID_FIELD, and then none was taken. */
  async accept(payloads: readonly OtlpPayload[]): Promise<IngestOutcome> {
    if (this.#stopping)
      throw new SpanloomError("SHUTTING_DOWN", "cannot accept telemetry: the server is shutting down");
    await this.#yield();
    const { spool } = this.#options;
    spool.checkRoom(payloads.reduce((sum, { bytes }) => sum + bytes.length, 0));
    const outcome = this.#decode(payloads, spool.nextSeq);
    const { durable } = spool.append(payloads);
    const settled = durable.then(
      () => undefined,
      () => {
        this.#syncFailed = true;
      },
    );
    this.#syncing.add(settled);
    void settled.then(() => this.#syncing.delete(settled));
    if (this.#isFull()) this.#kick();
    else this.#scheduleFlush();
    await durable;
    return outcome;
  }

  #decode(payloads: readonly OtlpPayload[], firstSeq: number): IngestOutcome {
    const reader = this.#open;
    const before = { spans: reader.spans.rows, logs: reader.logs.rows };
    const outcome: IngestOutcome = { rejectedSpans: 0, rejectedLogs: 0, message: "" };
    const accepted = { traces: 0, logs: 0 };
    try {
      for (const [i, payload] of payloads.entries()) {
        const read = reader.read(payload, firstSeq + i);
        accepted[payload.signal] += read.accepted;
        if (payload.signal === "traces") outcome.rejectedSpans += read.rejected;
        else outcome.rejectedLogs += read.rejected;
        outcome.message ||= read.message;
      }
    } catch (error) {
      reader.truncate(before);
      throw error;
    }
    if (this.#spooledFrom === undefined && this.#draining && this.#isFull()) this.#spooledFrom = firstSeq;
    if (this.#spooledFrom !== undefined) reader.truncate(before);
    this.counts.ingestedSpans += accepted.traces;
    this.counts.ingestedLogs += accepted.logs;
    this.counts.rejectedRecords += outcome.rejectedSpans + outcome.rejectedLogs;
    return outcome;
  }

  /** Resolves when every payload accepted before the call is in the store. Errors: TELEMETRY_UNAVAILABLE. */
  barrier(): Promise<void> {
    const seq = this.#options.spool.nextSeq - 1;
    if (seq <= this.#insertedSeq) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#unavailable());
    const waiting = new Promise<void>((resolve, reject) => this.#waiters.push({ seq, resolve, reject }));
    this.#kick();
    return waiting;
  }

  /** Drains what was accepted, as far as the store allows; the rest stays in the spool. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelTimer?.();
    await this.#draining;
    if (this.#failure === undefined) {
      this.#kick();
      await this.#draining;
    }
  }

  #isFull(): boolean {
    return this.#open.rows >= BATCH.rows || this.#open.byteSize() >= BATCH.bytes;
  }

  #scheduleFlush(delayMs = FLUSH_DELAY_MS): void {
    if (this.#cancelTimer) return;
    this.#cancelTimer = this.#options.clock.schedule(() => {
      this.#cancelTimer = undefined;
      this.#kick();
    }, delayMs);
  }

  #kick(): void {
    this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      await Promise.all(this.#syncing);
      while (this.#insertedSeq + 1 < this.#options.spool.nextSeq) {
        const wanted = this.#waiters.length > 0 || this.#stopping || this.#isFull() || this.#spooledFrom !== undefined;
        await this.#insertNext();
        if (!wanted) break;
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#draining = undefined;
    }
    if (this.#waiters.length > 0 && this.#failure === undefined) this.#kick();
    else if (this.#insertedSeq + 1 < this.#options.spool.nextSeq && !this.#stopping)
      this.#scheduleFlush(this.#retryMs || FLUSH_DELAY_MS);
  }

  /** Inserts the batch that is next in order: the open one, or one read back from the spool. */
  async #insertNext(): Promise<void> {
    const from = this.#insertedSeq + 1;
    if (this.#openFrom === from && this.#open.rows > 0 && !this.#syncFailed) await this.#insertOpen();
    else await this.#insertSpooled(from);
    this.#failure = undefined;
    this.#retryMs = 0;
    this.#defects = 0;
  }

  async #insertOpen(): Promise<void> {
    const { spool } = this.#options;
    const reader = this.#open;
    const end = this.#spooledFrom ?? spool.nextSeq;
    this.#open = this.#spare ?? new OtlpReader();
    this.#spare = undefined;
    this.#openFrom = end;
    await Promise.all(this.#syncing);
    try {
      if (this.#syncFailed) return; // what did reach the disk is read back from there (I4)
      await this.#insertRows(reader);
      await this.#inserted(end - 1);
    } finally {
      // After a failure too: what is tried again is read back from the spool (I3).
      reader.truncate({ spans: 0, logs: 0 });
      this.#spare = reader;
    }
  }

  /** Inserts a batch of payloads from `from` on, as they are in the spool. */
  async #insertSpooled(from: number): Promise<void> {
    const { spool } = this.#options;
    this.#syncFailed = false;
    const present = await presentLogIds(this.#options.spanStore, from);
    const reader = new OtlpReader();
    const end = this.#openFrom > from && this.#spooledFrom === undefined ? this.#openFrom : spool.nextSeq;
    let next = from;
    while (next < end && reader.rows < BATCH.rows && reader.byteSize() < BATCH.bytes) {
      const payloads = await spool.read(next);
      if (payloads.length === 0) {
        next = end;
        break;
      }
      for (const payload of payloads) {
        if (payload.seq >= end || reader.rows >= BATCH.rows) break;
        this.#readAgain(reader, payload, present);
        next = payload.seq + 1;
        await this.#yield();
      }
    }
    await this.#insertRows(reader);
    await this.#inserted(next - 1);
    this.#caughtUp();
  }

  #readAgain(reader: OtlpReader, payload: OtlpPayload & { seq: number }, present: ReadonlySet<bigint>): void {
    try {
      reader.read(payload, payload.seq, present);
    } catch (error) {
      // Accepted payloads decode; one that does not was accepted by an older, laxer program. It must not block the rest.
      this.counts.droppedPayloads++;
      this.#options.log(`telemetry: dropped payload ${payload.seq}: ${messageOf(error)}`);
    }
  }

  /** Back to decoding at arrival, once the spool holds nothing that is not in the store. */
  #caughtUp(): void {
    if (this.#spooledFrom === undefined) return;
    const { spool } = this.#options;
    if (this.#insertedSeq + 1 < spool.nextSeq) {
      this.#spooledFrom = this.#insertedSeq + 1;
      return;
    }
    this.#spooledFrom = undefined;
    this.#openFrom = spool.nextSeq;
    this.#open.truncate({ spans: 0, logs: 0 });
  }

  async #insertRows(reader: OtlpReader): Promise<void> {
    const { spanStore } = this.#options;
    const { spans, logs } = reader;
    if (spans.rows > 0) await spanStore.insert({ table: "spans", ipc: spans.finish(), rows: spans.rows });
    if (logs.rows > 0) await spanStore.insert({ table: "logs", ipc: logs.finish(), rows: logs.rows });
  }

  async #inserted(seq: number): Promise<void> {
    this.#insertedSeq = seq;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.seq > seq);
    for (const waiter of waiters) if (waiter.seq <= seq) waiter.resolve();
    await this.#options.spool.release(seq);
  }

  #failed(error: unknown): void {
    this.#failure = error;
    this.#retryMs = Math.min(this.#retryMs * 2 || RETRY_MS.first, RETRY_MS.last);
    this.#options.log(`telemetry: cannot insert, next try in ${this.#retryMs} ms: ${messageOf(error)}`);
    if (this.#spooledFrom === undefined) this.#spooledFrom = this.#insertedSeq + 1;
    this.#open.truncate({ spans: 0, logs: 0 });
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(this.#unavailable());
    const defect = error instanceof SpanloomError && error.reason === "INTERNAL";
    this.#defects = defect ? this.#defects + 1 : 0;
  }

  #unavailable(): SpanloomError {
    const message = `cannot query telemetry: the store does not take rows: ${messageOf(this.#failure)}`;
    return new SpanloomError(
      "TELEMETRY_UNAVAILABLE",
      message,
      { retryAfterMs: this.#retryMs },
      { cause: this.#failure },
    );
  }

  async #yield(): Promise<void> {
    const now = performance.now();
    if (now - this.#sliceStartedMs < SLICE_MS) return;
    await nextTurn();
    this.#sliceStartedMs = performance.now();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
