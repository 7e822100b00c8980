import { SpanloomError } from "@spanloom/protocol";
import type { Clock } from "../../clock.ts";
import type { SelfTracer } from "../../self-tracing/self-tracer.ts";
import type { SpanStore } from "../columnar/span-store.ts";
import type { Spool } from "../spool/spool.ts";
import type { IngestOutcome, OtlpPayload } from "../telemetry.ts";
import type { TelemetryCounts } from "../telemetry-counts.ts";
import { BatchLine } from "./batch-line.ts";
import type { Taken } from "./decode-messages.ts";
import { type Append, IngestTrace } from "./ingest-trace.ts";
import { type Batch, readBack } from "./read-back.ts";
import { ThreadDecoder, type ThreadDecoderOptions } from "./thread-decoder.ts";
import { WaitingAges } from "./waiting-ages.ts";

/** How long rows gather when nobody asks for them. */
const FLUSH_DELAY_MS = 500;
/** When the thread is started if nothing has come until then, which would wait for it. */
const THREAD_START_MS = 1_000;
/** After a failed insert the first wait, doubled up to the last. */
const RETRY_MS = { first: 250, last: 15_000 };
/** Inserts of one batch that the engine refuses for the batch's own sake before it is given up. */
const MAX_DEFECTS = 6;

/** What the drainer works with. */
export interface DrainerOptions {
  spool: Spool;
  /** Names the spool in a store that several write to; 0 where there is one alone. */
  writer: bigint;
  spanStore: Pick<SpanStore, "insert" | "retentionDays">;
  counts: TelemetryCounts;
  clock: Clock;
  log: (line: string) => void;
  /** Makes the thread that decodes, for tests. */
  newThread?: (options: ThreadDecoderOptions) => Decoder;
  tracer?: SelfTracer | undefined;
}

/** What the drainer needs of the thread that decodes. */
export type Decoder = Pick<ThreadDecoder, "start" | "ask" | "recycle" | "stop">;

interface Waiter {
  seq: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Moves payloads from their arrival to the telemetry store: decoded once, by a thread, into the open batch, made durable by
 * the spool, inserted in big batches, then released.
 *
 * I1. Batches cover payload numbers without gaps and are inserted in order; a payload is released when its batch is in.
 * I2. Rows are decoded at arrival, which is also the validation that the answer needs. When the store falls behind, as
 *     `BatchLine` says, rows are dropped and read back from the spool when their turn comes: memory stays bounded and
 *     nothing is lost.
 * I3. A batch that is tried again, or replayed after a crash, has the same rows with the same keys, of which the store
 *     keeps one.
 * I4. A batch is only inserted once all its payloads are durable.
 * I5. The spool numbers payloads in the order in which the thread answers, which numbers their rows the same.
 */
export class Drainer {
  readonly #options: DrainerOptions;
  readonly #thread: Decoder;
  readonly #line: BatchLine;
  readonly #ages = new WaitingAges();
  readonly #trace: IngestTrace | undefined;
  #insertedSeq: number;
  /** Calls of `accept` that are not answered yet. */
  readonly #accepting = new Set<Promise<unknown>>();
  readonly #syncing = new Set<Promise<void>>();
  /** A batch that is being read back, or was. */
  #readBack: { from: number; batch: Promise<Batch> } | undefined;
  #readingBack: Promise<unknown> = Promise.resolve();
  /** Batches that came from the spool: dropping what is in memory leaves them valid. */
  readonly #fromSpool = new WeakSet<Batch>();
  /** How often rows in memory were dropped. */
  #drops = 0;
  /** How often the thread was lost. */
  #losses = 0;
  #waiters: Waiter[] = [];
  #draining: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelThreadStart: (() => void) | undefined;
  #failure: unknown;
  #retryMs = 0;
  #defects = 0;
  #stopping = false;

  /** The spool must be open; what it holds is drained first. */
  constructor(options: DrainerOptions) {
    this.#options = options;
    const { writer, spool, newThread = (how) => new ThreadDecoder(how) } = options;
    const { firstSeq, nextSeq } = spool;
    this.#insertedSeq = firstSeq - 1;
    this.#line = new BatchLine(firstSeq, nextSeq);
    this.#trace = options.tracer && new IngestTrace(options.tracer, nextSeq - 1);
    this.#thread = newThread({
      writer,
      nextSeq: () => spool.nextSeq,
      onLost: (error) => this.#threadLost(error),
    });
  }

  /** Payloads that are not in the store. */
  get waitingPayloads(): number {
    return this.#options.spool.nextSeq - 1 - this.#insertedSeq;
  }

  /** How long the oldest of them has waited; what a start found has waited since then. */
  get waitingSeconds(): number {
    return this.#ages.oldestSeconds(this.#options.clock.nowUs());
  }

  /** Begins to drain what the spool holds. */
  start(): void {
    if (this.waitingPayloads > 0) this.#ages.arrived(this.#options.spool.nextSeq - 1, this.#options.clock.nowUs());
    this.#cancelThreadStart = this.#options.clock.schedule(() => this.#thread.start(), THREAD_START_MS);
    if (this.#line.spooled) this.#kick();
  }

  /** Makes payloads durable and takes their rows. Errors: OVERLOADED; INVALID_FIELD, and then none was taken. */
  async accept(payloads: readonly OtlpPayload[]): Promise<IngestOutcome> {
    if (this.#stopping)
      throw new SpanloomError("SHUTTING_DOWN", "cannot accept telemetry: the server is shutting down");
    const accepting = this.#trace
      ? this.#trace.accept(payloads, (through) => this.#accept(payloads, through))
      : this.#accept(payloads);
    this.#accepting.add(accepting);
    try {
      return await accepting;
    } finally {
      this.#accepting.delete(accepting);
    }
  }

  async #accept(payloads: readonly OtlpPayload[], through = untraced): Promise<IngestOutcome> {
    const { spool, spanStore, clock } = this.#options;
    const room = spool.reserve(payloads);
    const question = { kind: "take", payloads, days: spanStore.retentionDays, nowUs: clock.nowUs() } as const;
    let appended = false;
    const { outcome, durable } = await this.#thread
      .ask(question, (taken) => {
        appended = true;
        return this.#taken(taken, through(() => spool.append(payloads, room)).durable);
      })
      .finally(() => {
        if (!appended) spool.giveBack(room);
      });
    await durable;
    return outcome;
  }

  /** The thread has decoded payloads, and the spool is making them durable. */
  #taken(taken: Taken, written: Promise<void>) {
    const { acceptedSpans, acceptedLogs, full, ...outcome } = taken;
    const { counts } = this.#options;
    counts.ingestedSpans += acceptedSpans;
    counts.ingestedLogs += acceptedLogs;
    counts.rejectedSpans += outcome.rejectedSpans;
    counts.rejectedLogs += outcome.rejectedLogs;
    this.#ages.arrived(this.#options.spool.nextSeq - 1, this.#options.clock.nowUs());
    // A payload that did not reach the disk was refused: its rows must go, and the spool knows which are left.
    const settled = written.catch(() => this.#dropRows()).finally(() => this.#syncing.delete(settled));
    this.#syncing.add(settled);
    if (full) this.#recycle(this.#line.push(full, this.#options.spool.nextSeq));
    if (full) this.#kick();
    else this.#scheduleFlush(FLUSH_DELAY_MS);
    // Not awaited here: a promise of a promise would be one.
    return { outcome: outcome as IngestOutcome, durable: written };
  }

  /** Forgets every row in memory: the spool has what was accepted. */
  #dropRows(): void {
    this.#drops++;
    this.#readBack = undefined;
    this.#recycle(this.#line.dropAll(this.#insertedSeq + 1));
    const resume = () => this.#line.resume(this.#options.spool.nextSeq);
    this.#thread.ask({ kind: "drop" }, resume).catch(() => {
      // A thread that died has dropped its rows; the line heard of it.
    });
  }

  #threadLost(error: unknown): void {
    this.#losses++;
    this.#options.counts.lostThreads++;
    this.#options.log(`telemetry: the decoding thread died: ${messageOf(error)}`);
    this.#readBack = undefined;
    this.#line.restart(this.#insertedSeq + 1, this.#options.spool.nextSeq);
  }

  #recycle(batches: readonly Batch[]): void {
    for (const { rows } of batches) this.#thread.recycle(rows);
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
    this.#cancelThreadStart?.();
    await Promise.allSettled(this.#accepting);
    await this.#draining;
    if (this.#failure === undefined) {
      this.#kick();
      await this.#draining;
    }
    await this.#thread.stop();
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
      while (this.#insertedSeq + 1 < target || this.#waiters.length > 0 || this.#line.isWaiting) {
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
    const before = this.#drops;
    const batch = await this.#nextBatch();
    // Payloads that joined the batch while others were synced are durable too before it goes (I4).
    await Promise.all(this.#syncing);
    // Of a batch from memory some rows may be of payloads that were refused since.
    if (!batch || (this.#drops !== before && !this.#fromSpool.has(batch))) return;
    const inserting = this.#trace ? this.#trace.insert(batch, () => this.#insert(batch)) : this.#insert(batch);
    const { spooled } = this.#line;
    if (spooled && spooled.from <= batch.end && batch.end < Math.min(spooled.end, this.#options.spool.settledSeq))
      this.#prepare(batch.end);
    try {
      await inserting;
    } catch (error) {
      if (this.#isPoison(error)) await this.#giveUp(batch, error);
      else throw error;
    }
    this.#thread.recycle(batch.rows);
    await this.#inserted(batch.end - 1);
  }

  async #insert({ rows }: Batch): Promise<void> {
    for (const insert of rows.inserts) await this.#options.spanStore.insert(insert);
  }

  async #nextBatch(): Promise<Batch | undefined> {
    await this.#line.settled();
    const seq = this.#insertedSeq + 1;
    if (this.#line.spooled?.from === seq) {
      const batch = await this.#prepare(seq);
      this.#readBack = undefined;
      return batch;
    }
    return this.#line.shift(seq) ?? (await this.#sealed(seq));
  }

  /** Ends the open batch. */
  async #sealed(seq: number): Promise<Batch | undefined> {
    const { spool } = this.#options;
    await this.#thread.ask({ kind: "seal" }, (rows) => this.#recycle(this.#line.push(rows, spool.nextSeq)));
    return this.#line.shift(seq);
  }

  /** Begins to read the next batch back, while another is inserted, for one. */
  #prepare(from: number): Promise<Batch> {
    if (this.#readBack?.from === from) return this.#readBack.batch;
    // What is still being written cannot be read yet, and would be taken for refused.
    const end = Math.max(from, Math.min(this.#line.spooled?.end ?? from, this.#options.spool.settledSeq));
    // One after the other, as the thread has one batch of them.
    const batch = this.#readingBack.then(() => this.#readWhole(from, end));
    this.#readingBack = batch.then(
      (read) => this.#fromSpool.add(read),
      () => undefined, // thrown where it is awaited
    );
    this.#readBack = { from, batch };
    return batch;
  }

  /** Reads a batch back. Errors: OVERLOADED when the thread died, and with it the rows that it had read back so far. */
  async #readWhole(from: number, end: number): Promise<Batch> {
    const losses = this.#losses;
    const { spool } = this.#options;
    const batch = await readBack({ spool, thread: this.#thread, onDamaged: this.#onDamaged }, from, end);
    if (this.#losses === losses) return batch;
    const why = "cannot read telemetry back: the decoding thread died";
    throw new SpanloomError("OVERLOADED", why, { retryAfterMs: RETRY_MS.first });
  }

  readonly #onDamaged = (seq: number, message: string): void => {
    this.#options.counts.damagedPayloads++;
    this.#options.log(`telemetry: dropped payload ${seq}: ${message}`);
  };

  async #inserted(seq: number): Promise<void> {
    this.#insertedSeq = seq;
    this.#ages.left(seq);
    this.#line.inserted(seq);
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.seq > seq);
    for (const waiter of waiters) if (waiter.seq <= seq) waiter.resolve();
    await this.#options.spool.release(seq);
  }

  /** Whether the engine refused the batch so often that it will never take it. */
  #isPoison(error: unknown): boolean {
    const defect = error instanceof SpanloomError && error.reason === "INTERNAL";
    this.#defects = defect ? this.#defects + 1 : 0;
    return this.#defects >= MAX_DEFECTS;
  }

  async #giveUp(batch: Batch, error: unknown): Promise<void> {
    const payloads = batch.end - batch.from;
    this.#options.counts.unwantedPayloads += payloads;
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

const untraced = (append: Append): ReturnType<Append> => append();

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
