import { SpanloomError } from "@spanloom/protocol";
import { tableFromIPC } from "apache-arrow";
import type { Clock } from "../../clock.ts";
import type { ArrowBatch, SpanStore, Statement, TelemetryTable } from "../columnar/span-store.ts";
import type { JobTraces } from "../query/filter-sql.ts";
import { nowStatement, planNews, planOpenJobs, type Window } from "../query/tail-plan.ts";
import type { Followed } from "./followed.ts";
import { formatPosition, READ_AGAIN_US, readPosition } from "./position.ts";
import { type TailBatch, WindowReader } from "./window-reader.ts";

/** How long changes gather. Rows are on their way to readers after one tick, or two where others write to the store. */
const TICK_MS = 300;
/** After a failure. */
const RETRY_MS = 1_000;
/** A reader that got nothing for so many ticks, 15 s, is told its position, so that either side sees the other live. */
const QUIET_TICKS = 50;

/** What a tail works with. */
export interface TailOptions {
  store: SpanStore;
  /** Traces that jobs have rows in without owning them. */
  jobTraces: (jobIds: readonly string[]) => Promise<JobTraces>;
  /** Resolves when all that any server accepted before the call is in the store. */
  barrier: () => Promise<unknown>;
  /** A number that grows with everything accepted here. Absent when others write to the store, too. */
  accepted?: () => number;
  clock: Clock;
  log: (line: string) => void;
}

interface Reader {
  readonly followed: Followed;
  /** Where its next window begins. */
  fromUs: bigint;
  /** Whether its last window could not be read: it waits for the next tick. */
  failed: boolean;
  /** Jobs to wait for the end of, as 32 hex digits; undefined when there is no end to wait for. */
  open: Set<string> | undefined;
  quietTicks: number;
  wake: () => void;
}

/** What a look finds. */
interface News {
  spans: bigint;
  logs: bigint;
  /** Jobs that ended. */
  ended: Iterable<string>;
}

/**
 * Follows the store for every reader of TailSpans and TailLogs at once.
 *
 * Each tick reads the store's clock and then passes the barrier: every row with an earlier time of insertion is visible
 * from then on, so the windows that readers read leave nothing out, however many servers write. What the barrier itself
 * had written is of the next tick; where this server alone writes, it is written before the clock is read.
 *
 * I1. A reader sees the latest version of each matching row that came since it began, or since its position, at least
 *     once; and once only, unless the row came again or a connection broke within a window.
 * I2. A tick without news costs readers nothing; one with news costs a query for each different request, whose answer
 *     readers that ask the same share. Without readers, or without anything accepted, there is no query at all.
 * I3. A slow reader holds one shared answer at most: what came meanwhile it reads from the store, in wider windows.
 * I4. While the store is away readers wait; their windows begin where they were.
 * I5. A reader of jobs that have ended gets what was accepted before their end, and then the end of its answer.
 */
export class Tail {
  readonly #options: TailOptions;
  readonly #readers = new Set<Reader>();
  readonly #windows: WindowReader;
  /** Where the tick before ended. */
  #tickUs = 0n;
  /** Where windows end: the end of the last tick with news. */
  readonly #horizonUs: Record<TelemetryTable, bigint> = { spans: 0n, logs: 0n };
  #accepted: number | undefined;
  #cancelTimer: (() => void) | undefined;
  #ticking = false;
  #failure = "";

  constructor(options: TailOptions) {
    this.#options = options;
    this.#windows = new WindowReader(options);
  }

  /**
   * Streams what matches from now on, after what exists if that is asked for, or from the position on, until the jobs that
   * are named have ended or the signal aborts.
   *
   * Errors: SHUTTING_DOWN when the signal aborts, so that nobody takes it for the end; what planning throws.
   */
  async *follow(followed: Followed, signal: AbortSignal): AsyncIterable<TailBatch> {
    const nothing = followed.plan(new Map(), { fromUs: 0n, untilUs: 0n });
    // What is accepted already is among what exists, and need not come twice.
    if (followed.includeExisting) await this.#options.barrier();
    const nowUs = await this.#nowUs();
    const resumedUs = readPosition(followed.position, nowUs);
    const reader = this.#add(followed, nowUs);
    const abort = () => reader.wake();
    signal.addEventListener("abort", abort);
    try {
      await this.#findOpenJobs(reader);
      const begins = formatPosition(resumedUs ?? nowUs);
      if (followed.includeExisting && resumedUs === undefined) {
        for await (const batch of this.#existing(followed, nowUs, signal)) yield { ...batch, position: "" };
        yield { ipc: new Uint8Array(), rows: 0, position: begins };
      } else {
        // An empty batch has the schema, and tells the reader that it is heard.
        for await (const batch of this.#options.store.stream(nothing, signal)) yield { ...batch, position: begins };
      }
      if (resumedUs !== undefined) {
        await this.#options.barrier();
        yield* this.#read(reader, { fromUs: resumedUs, untilUs: nowUs }, signal);
      }
      yield* this.#goOn(reader, signal);
    } finally {
      signal.removeEventListener("abort", abort);
      this.#remove(reader);
    }
  }

  /** What came before the reader's first window: what comes while it is read would be in both. */
  async *#existing(followed: Followed, beforeUs: bigint, signal: AbortSignal): AsyncIterable<ArrowBatch> {
    await this.#options.barrier();
    signal.throwIfAborted();
    const traces = await this.#options.jobTraces(followed.jobIds);
    yield* this.#options.store.stream(followed.planExisting(traces, beforeUs), signal);
  }

  async *#goOn(reader: Reader, signal: AbortSignal): AsyncIterable<TailBatch> {
    for (;;) {
      await this.#wait(reader, signal);
      const isLast = !reader.failed && reader.open?.size === 0;
      const window = isLast ? await this.#lastWindow(reader) : this.#nextWindow(reader);
      if (window) yield* this.#read(reader, window, signal);
      else yield { ipc: new Uint8Array(), rows: 0, position: formatPosition(reader.fromUs) };
      if (isLast && window && !reader.failed) return;
    }
  }

  #add(followed: Followed, nowUs: bigint): Reader {
    const reader: Reader = {
      followed,
      fromUs: nowUs,
      failed: false,
      open: followed.untilEndOf.length > 0 ? new Set(followed.untilEndOf.map(hexOf)) : undefined,
      quietTicks: 0,
      wake: () => undefined,
    };
    if (this.#readers.size === 0) {
      this.#tickUs = nowUs;
      this.#accepted = undefined;
    }
    this.#readers.add(reader);
    this.#schedule(TICK_MS);
    return reader;
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#windows.forget("spans");
    this.#windows.forget("logs");
  }

  #schedule(delayMs: number): void {
    if (this.#cancelTimer || this.#ticking || this.#readers.size === 0) return;
    this.#cancelTimer = this.#options.clock.schedule(() => {
      this.#cancelTimer = undefined;
      void this.#tick();
    }, delayMs);
  }

  async #tick(): Promise<void> {
    this.#ticking = true;
    let delayMs = TICK_MS;
    try {
      await this.#look();
      this.#report("");
    } catch (error) {
      delayMs = RETRY_MS;
      this.#report(error instanceof Error ? error.message : String(error));
    }
    for (const reader of this.#readers) if (++reader.quietTicks === QUIET_TICKS) reader.wake();
    this.#ticking = false;
    this.#schedule(delayMs);
  }

  /** Moves the horizons to now where something came since the last look. */
  async #look(): Promise<void> {
    const accepted = this.#options.accepted?.();
    const retries = [...this.#readers].some(({ failed }) => failed);
    if (accepted !== undefined && accepted === this.#accepted && !retries) return;
    if (accepted !== undefined) await this.#options.barrier();
    const nowUs = await this.#nowUs();
    await this.#options.barrier();
    if (nowUs < this.#tickUs) this.#setBack(nowUs);
    const news = await this.#news({ fromUs: this.#tickUs, untilUs: nowUs });
    this.#tickUs = nowUs;
    this.#accepted = accepted;
    for (const table of ["spans", "logs"] as const) {
      if (!news[table] && !retries) continue;
      this.#horizonUs[table] = nowUs;
      this.#windows.forget(table);
    }
    for (const reader of this.#readers) {
      for (const job of news.ended) reader.open?.delete(job);
      reader.failed = false;
      reader.wake();
    }
  }

  async #news(window: Window) {
    const { spans, logs, ended } = await this.#readRow<News>(planNews(window));
    return { spans: spans > 0n, logs: logs > 0n, ended };
  }

  /** The store's clock went back: what came since has times that were passed before. */
  #setBack(nowUs: bigint): void {
    this.#tickUs = nowUs - READ_AGAIN_US;
    this.#horizonUs.spans = this.#horizonUs.logs = nowUs;
    for (const reader of this.#readers) if (reader.fromUs > nowUs) reader.fromUs = this.#tickUs;
  }

  /** Each change once. */
  #report(failure: string): void {
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#options.log(failure === "" ? "telemetry: tails go on" : `telemetry: tails wait: ${failure}`);
  }

  /** Up to the last look that found something; undefined when that was read. */
  #nextWindow({ failed, fromUs, followed }: Reader): Window | undefined {
    const untilUs = this.#horizonUs[followed.table];
    return failed || untilUs <= fromUs ? undefined : { fromUs, untilUs };
  }

  /** Resolves when the reader has a window, has come to its end, or was quiet for long. */
  async #wait(reader: Reader, signal: AbortSignal): Promise<void> {
    const isDue = () =>
      reader.quietTicks >= QUIET_TICKS ||
      (!reader.failed && reader.open?.size === 0) ||
      this.#nextWindow(reader) !== undefined;
    while (!signal.aborted && !isDue()) {
      await new Promise<void>((resolve) => {
        reader.wake = resolve;
      });
    }
    if (signal.aborted) throw new SpanloomError("SHUTTING_DOWN", "cannot follow any longer: the call was ended");
    reader.quietTicks = 0;
  }

  /** Up to all that was accepted before the reader's jobs ended; undefined when they have not, or it cannot be told now. */
  async #lastWindow(reader: Reader): Promise<Window | undefined> {
    try {
      reader.open = new Set(reader.followed.untilEndOf.map(hexOf));
      await this.#findOpenJobs(reader);
      if (reader.open.size > 0) return undefined;
      // A row of this very microsecond may be visible already.
      return { fromUs: reader.fromUs, untilUs: (await this.#nowUs()) + 1n };
    } catch (error) {
      this.#failed(reader, error);
      return undefined;
    }
  }

  /** Leaves those jobs that have not ended, of all that were accepted before. */
  async #findOpenJobs(reader: Reader): Promise<void> {
    const { untilEndOf } = reader.followed;
    if (!reader.open) return;
    await this.#options.barrier();
    const traces = await this.#options.jobTraces(untilEndOf);
    const { open } = await this.#readRow<{ open: Iterable<string> }>(planOpenJobs(untilEndOf, traces));
    const found = new Set(open);
    for (const job of reader.open) if (!found.has(job)) reader.open.delete(job);
  }

  async *#read(reader: Reader, window: Window, signal: AbortSignal): AsyncIterable<TailBatch> {
    const { followed } = reader;
    let { fromUs } = window;
    if (window.untilUs > reader.fromUs) reader.fromUs = window.untilUs;
    try {
      for (const piece of await this.#windows.pieces(followed, window)) {
        const isShared = piece.untilUs === this.#horizonUs[followed.table];
        yield* this.#windows.read(followed, piece, { isShared, signal });
        fromUs = piece.untilUs;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      this.#failed(reader, error);
      if (fromUs < reader.fromUs) reader.fromUs = fromUs;
    }
  }

  /** Has a reader wait for the next tick. Errors: what will be the same then. */
  #failed(reader: Reader, error: unknown): void {
    if (!(error instanceof SpanloomError && error.retryable)) throw error;
    this.#report(error.message);
    reader.failed = true;
  }

  async #nowUs(): Promise<bigint> {
    return (await this.#readRow<{ now: bigint }>(nowStatement)).now;
  }

  /** The one row a statement answers with. */
  async #readRow<Row>(statement: Statement): Promise<Row> {
    let found: unknown;
    for await (const { ipc, rows } of this.#options.store.stream(statement)) {
      if (rows > 0) found = tableFromIPC(ipc).get(0)?.toJSON();
    }
    return found as Row;
  }
}

/** A job as the store names it. */
function hexOf(jobId: string): string {
  return jobId.replaceAll("-", "");
}
