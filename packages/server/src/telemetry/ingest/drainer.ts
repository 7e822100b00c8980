import { SpanloomError } from "@spanloom/protocol";
import type { Clock } from "../../clock.ts";
import type { SpanStore } from "../columnar/span-store.ts";
import type { Spool } from "../spool/spool.ts";
import type { IngestOutcome, OtlpPayload } from "../telemetry.ts";
import { type Batch, insertBatch, isFull, isReusable, type ReadBack, readBack, TimeSlice } from "./batch.ts";
import { OtlpReader } from "./otlp-reader.ts";

/** Full batches that may wait for the store in memory, and their bytes; beyond them rows stay in the spool. */
const MAX_SEALED = { batches: 3, bytes: 128 * 1024 * 1024 };
/** How long rows gather when nobody asks for them. */
const FLUSH_DELAY_MS = 500;
/** After a failed insert the first wait, doubled up to the last. */
const RETRY_MS = { first: 250, last: 15_000 };
/** Inserts of one batch that the engine refuses for the batch's own sake before it is given up. */
const MAX_DEFECTS = 6;

/** What the drainer works with. */
export interface DrainerOptions {
  spool: Spool;
  /** Names the spool in a store that several write to; 0 where there is one alone. */
  writer: bigint;
  spanStore: SpanStore;
  clock: Clock;
  log: (line: string) => void;
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
 * I2. Rows are decoded at arrival, which is also the validation that the answer needs. When the store falls behind by
 *     MAX_SEALED, payloads are still validated but their rows are dropped and read back from the spool when
 *     their turn comes: memory stays bounded and nothing is lost.
 * I3. Before a batch is tried again, or replayed after a crash, the log records already in the store are asked for by
 *     id and left out: a log record is stored once, also across SIGKILL. Spans need no such care: their key is unique.
 * I4. A batch is only inserted once all its payloads are durable.
 */
export class Drainer {
  readonly counts = { ingestedSpans: 0, ingestedLogs: 0, rejectedRecords: 0, droppedPayloads: 0 };
  readonly #options: DrainerOptions;
  readonly #slice = new TimeSlice();
  /** Batches in order: sealed ones, then the open one; from `#spooledFrom` on rows are in the spool alone. */
  #sealed: Batch[] = [];
  #open: Batch;
  #spooledFrom: number | undefined;
  #prepared: Promise<Batch> | undefined;
  /** Emptied readers: their grown arrays are used again, as new ones, 60 MB a batch, make the collector run all the time. */
  #spares: OtlpReader[] = [];
  #insertedSeq: number;
  readonly #syncing = new Set<Promise<void>>();
  #waiters: Waiter[] = [];
  #draining: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #failure: unknown;
  #retryMs = 0;
  #defects = 0;
  #stopping = false;

  /** The spool must be open; what it holds is drained first. */
  constructor(options: DrainerOptions) {
    this.#options = options;
    const { writer, spool } = options;
    const { firstSeq, nextSeq } = spool;
    this.#insertedSeq = firstSeq - 1;
    this.#open = { reader: new OtlpReader(writer), from: nextSeq, end: nextSeq };
    if (firstSeq < nextSeq) this.#spooledFrom = firstSeq;
  }

  /** Begins to drain what the spool holds. */
  start(): void {
    if (this.#spooledFrom !== undefined) this.#kick();
  }

  /** Makes payloads durable and takes their rows. Errors: OVERLOADED; INVALID_FIELD, and then none was taken. */
  async accept(payloads: readonly OtlpPayload[]): Promise<IngestOutcome> {
    await this.#slice.yield();
    if (this.#stopping)
      throw new SpanloomError("SHUTTING_DOWN", "cannot accept telemetry: the server is shutting down");
    const { spool } = this.#options;
    spool.checkRoom(payloads);
    const outcome = this.#decode(payloads, spool.nextSeq);
    const { durable } = spool.append(payloads);
    this.#open.end = spool.nextSeq;
    // A payload that did not reach the disk was refused: its rows must go, and the spool knows which are left.
    const settled = durable.catch(() => this.#dropRows()).finally(() => this.#syncing.delete(settled));
    this.#syncing.add(settled);
    if (this.#spooledFrom === undefined && isFull(this.#open.reader)) this.#seal();
    if (this.#sealed.length > 0) this.#kick();
    else this.#scheduleFlush(FLUSH_DELAY_MS);
    await durable;
    return outcome;
  }

  #decode(payloads: readonly OtlpPayload[], firstSeq: number): IngestOutcome {
    const { reader } = this.#open;
    const { spanStore, clock } = this.#options;
    reader.keepOnly(spanStore.retentionDays, clock.nowUs());
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
    if (this.#spooledFrom !== undefined) this.#open.reader = this.#emptied(reader);
    this.counts.ingestedSpans += accepted.traces;
    this.counts.ingestedLogs += accepted.logs;
    this.counts.rejectedRecords += outcome.rejectedSpans + outcome.rejectedLogs;
    return outcome;
  }

  /** A reader without rows: this one, unless its arrays have grown too large to be kept. */
  #emptied(reader: OtlpReader): OtlpReader {
    if (!isReusable(reader.byteSize())) return new OtlpReader(this.#options.writer);
    reader.truncate({ spans: 0, logs: 0 });
    return reader;
  }

  /** Puts the open batch in line; when the line is full, what comes next stays in the spool (I2). */
  #seal(): void {
    this.#sealed.push(this.#open);
    const from = this.#open.end;
    this.#open = { reader: this.#spares.pop() ?? new OtlpReader(this.#options.writer), from, end: from };
    const bytes = this.#sealed.reduce((sum, { reader }) => sum + reader.byteSize(), 0);
    if (this.#sealed.length >= MAX_SEALED.batches || bytes > MAX_SEALED.bytes) this.#spooledFrom = from;
  }

  /** Forgets every row in memory: the spool has what was accepted. */
  #dropRows(): void {
    this.#sealed = [];
    this.#prepared = undefined;
    this.#open.reader.truncate({ spans: 0, logs: 0 });
    this.#spooledFrom = this.#insertedSeq + 1;
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
    if (this.#failure !== undefined) return;
    this.#kick();
    await this.#draining;
  }

  #scheduleFlush(delayMs: number): void {
    if (this.#cancelTimer || this.#stopping) return;
    this.#cancelTimer = this.#options.clock.schedule(() => {
      this.#cancelTimer = undefined;
      this.#kick();
    }, delayMs);
  }

  #kick(): void {
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined;
      // One is enough for a store that keeps up.
      this.#spares.splice(1);
      // Someone may have begun to wait after the last look and before now.
      if (this.#waiters.length > 0) this.#kick();
      else if (this.#insertedSeq + 1 < this.#options.spool.nextSeq)
        this.#scheduleFlush(this.#retryMs || FLUSH_DELAY_MS);
    });
  }

  /** Inserts batch after batch until all that was there when it was called is in. */
  async #drain(): Promise<void> {
    const target = this.#options.spool.nextSeq;
    try {
      while (this.#insertedSeq + 1 < target || this.#waiters.length > 0 || this.#sealed.length > 0) {
        await Promise.all(this.#syncing);
        await this.#insertNext();
        this.#failure = undefined;
        this.#retryMs = this.#defects = 0;
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  async #insertNext(): Promise<void> {
    const batch = await this.#nextBatch();
    // Payloads that joined the batch while others were synced are durable too before it goes (I4).
    await Promise.all(this.#syncing);
    if (batch.from !== this.#insertedSeq + 1 || this.#isDropped(batch)) return;
    const inserting = insertBatch(this.#options.spanStore, batch);
    if (this.#spooledFrom !== undefined && this.#sealed.length === 0) this.#prepare(batch.end);
    try {
      await inserting;
    } catch (error) {
      if (this.#isPoison(error)) await this.#giveUp(batch, error);
      else throw error;
    }
    this.#spares.push(this.#emptied(batch.reader));
    await this.#inserted(batch.end - 1);
  }

  /** Whether the rows were dropped while the batch was waiting. */
  #isDropped(batch: Batch): boolean {
    return this.#spooledFrom !== undefined && this.#spooledFrom <= batch.from && !this.#readBackBatches.has(batch);
  }

  /** Batches that came from the spool: dropping what is in memory leaves them valid. */
  readonly #readBackBatches = new WeakSet<Batch>();

  async #nextBatch(): Promise<Batch> {
    const sealed = this.#sealed.shift();
    if (sealed) return sealed;
    if (this.#spooledFrom === undefined) {
      this.#seal();
      return this.#sealed.shift()!;
    }
    this.#prepare(this.#spooledFrom);
    const batch = await this.#prepared!;
    this.#prepared = undefined;
    return batch;
  }

  /** Begins to read the next batch back, while another is inserted. */
  #prepare(from: number): void {
    if (this.#prepared) return;
    const { spool } = this.#options;
    const reader = this.#spares.pop() ?? new OtlpReader(this.#options.writer);
    const options: ReadBack = {
      spool,
      slice: this.#slice,
      reader,
      onDamaged: this.#onDamaged,
    };
    this.#prepared = readBack(options, from, spool.nextSeq).then((batch) => {
      this.#readBackBatches.add(batch);
      return batch;
    });
    this.#prepared.catch(() => undefined); // thrown where it is awaited
  }

  readonly #onDamaged = (seq: number, error: unknown): void => {
    this.counts.droppedPayloads++;
    this.#options.log(`telemetry: dropped payload ${seq}: ${messageOf(error)}`);
  };

  async #inserted(seq: number): Promise<void> {
    this.#insertedSeq = seq;
    if (this.#spooledFrom !== undefined && seq >= this.#spooledFrom) this.#spooledFrom = seq + 1;
    const { spool } = this.#options;
    if (this.#spooledFrom === spool.nextSeq && this.#sealed.length === 0) {
      // Caught up: rows are taken at arrival again.
      this.#spooledFrom = this.#prepared = undefined;
      this.#open = { reader: this.#open.reader, from: spool.nextSeq, end: spool.nextSeq };
    }
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.seq > seq);
    for (const waiter of waiters) if (waiter.seq <= seq) waiter.resolve();
    await spool.release(seq);
  }

  /** Whether the engine refused the batch so often that it will never take it. */
  #isPoison(error: unknown): boolean {
    const defect = error instanceof SpanloomError && error.reason === "INTERNAL";
    this.#defects = defect ? this.#defects + 1 : 0;
    return this.#defects >= MAX_DEFECTS;
  }

  async #giveUp(batch: Batch, error: unknown): Promise<void> {
    const payloads = batch.end - batch.from;
    this.counts.droppedPayloads += payloads;
    this.#options.log(`telemetry: dropped ${payloads} payloads that the store refuses: ${messageOf(error)}`);
  }

  #failed(error: unknown): void {
    this.#failure = error;
    this.#retryMs = Math.min(this.#retryMs * 2 || RETRY_MS.first, RETRY_MS.last);
    this.#options.log(`telemetry: cannot insert, next try in ${this.#retryMs} ms: ${messageOf(error)}`);
    this.#dropRows();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(this.#unavailable());
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
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
