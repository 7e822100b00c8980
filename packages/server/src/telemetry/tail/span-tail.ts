import { toBinary } from "@bufbuild/protobuf";
import { SpanloomError, type TailSpansRequest, TailSpansRequestSchema } from "@spanloom/protocol";
import { tableFromIPC } from "apache-arrow";
import type { Clock } from "../../clock.ts";
import type { ArrowBatch, SpanStore, Statement } from "../columnar/span-store.ts";
import type { JobTraces } from "../query/filter-sql.ts";
import { nowStatement, planNews, planTail, type Window } from "../query/tail-plan.ts";

/** How long changes gather. Spans are on their way to readers after one tick, or two where others write to the store. */
const TICK_MS = 300;
/** After a failure. */
const RETRY_MS = 1_000;
/** Most bytes of an answer that readers share; of a longer one each reads its own as fast as it takes it. */
const SHARED_BYTES = 8 * 1024 ** 2;

/** What a tail works with. */
export interface SpanTailOptions {
  store: SpanStore;
  /** Traces that jobs have rows in without owning them. */
  jobTraces: (request: TailSpansRequest) => Promise<JobTraces>;
  /** Resolves when all that any server accepted before the call is in the store. */
  barrier: () => Promise<void>;
  /** A number that grows with everything accepted here. Absent when others write to the store, too. */
  accepted?: () => number;
  clock: Clock;
  log: (line: string) => void;
}

interface Reader {
  /** Where its next window begins. */
  fromUs: bigint;
  /** Whether its last window could not be read: it waits for the next tick. */
  failed: boolean;
  wake: () => void;
}

/**
 * Follows the store for every reader of TailSpans at once.
 *
 * Each tick reads the store's clock and then passes the barrier: every row with an earlier time of insertion is visible
 * from then on, so the windows that readers read leave nothing out, however many servers write. What the barrier itself
 * had written is of the next tick; where this server alone writes, it is written before the clock is read.
 *
 * I1. A reader sees the latest version of each matching span that came since it began, at least once.
 * I2. A tick without news costs readers nothing; one with news costs a query for each different request, whose answer
 *     readers that ask the same share. Without readers, or without anything accepted, there is no query at all.
 * I3. A slow reader holds one shared answer at most: what came meanwhile it reads from the store, in one wider window.
 * I4. While the store is away readers wait; their windows begin where they were.
 */
export class SpanTail {
  readonly #options: SpanTailOptions;
  readonly #readers = new Set<Reader>();
  /** Answers of windows that end at the horizon, by window and request; undefined when too long to share. */
  #answers = new Map<string, Promise<readonly ArrowBatch[] | undefined>>();
  /** Where the tick before ended. */
  #tickUs = 0n;
  /** Where windows end: the end of the last tick with news. */
  #horizonUs = 0n;
  #accepted: number | undefined;
  #cancelTimer: (() => void) | undefined;
  #ticking = false;
  #failure = "";

  constructor(options: SpanTailOptions) {
    this.#options = options;
  }

  /**
   * Streams what matches from now on until the signal aborts, after what `existing` gives.
   *
   * Errors: SHUTTING_DOWN when the signal aborts, so that nobody takes it for the end; what planning and `existing` throw.
   */
  async *follow(
    request: TailSpansRequest,
    existing: () => AsyncIterable<ArrowBatch>,
    signal: AbortSignal,
  ): AsyncIterable<ArrowBatch> {
    const none = planTail(request, new Map(), { fromUs: 0n, untilUs: 0n });
    // What is accepted already is among what exists, and need not come twice.
    if (request.includeExisting) await this.#options.barrier();
    const reader: Reader = { fromUs: await this.#nowUs(), failed: false, wake: () => undefined };
    const abort = () => reader.wake();
    signal.addEventListener("abort", abort);
    this.#add(reader);
    try {
      // An empty batch has the schema, and tells the reader that it is heard.
      yield* request.includeExisting ? existing() : this.#options.store.stream(none, signal);
      for (;;) {
        const window = await this.#next(reader, signal);
        yield* this.#read(request, reader, window, signal);
      }
    } finally {
      signal.removeEventListener("abort", abort);
      this.#remove(reader);
    }
  }

  #add(reader: Reader): void {
    if (this.#readers.size === 0) {
      this.#tickUs = reader.fromUs;
      this.#accepted = undefined;
    }
    this.#readers.add(reader);
    this.#schedule(TICK_MS);
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#answers.clear();
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
    this.#ticking = false;
    this.#schedule(delayMs);
  }

  /** Moves the horizon to now when something came since the last look. */
  async #look(): Promise<void> {
    const accepted = this.#options.accepted?.();
    const retries = [...this.#readers].some(({ failed }) => failed);
    if (accepted !== undefined && accepted === this.#accepted && !retries) return;
    if (accepted !== undefined) await this.#options.barrier();
    const nowUs = await this.#nowUs();
    await this.#options.barrier();
    if (nowUs < this.#tickUs) this.#setBack(nowUs);
    const window = { fromUs: this.#tickUs, untilUs: nowUs };
    const isNews = (await readNumber(this.#options.store, planNews(window))) > 0n;
    this.#tickUs = nowUs;
    this.#accepted = accepted;
    if (!isNews && !retries) return;
    this.#horizonUs = nowUs;
    this.#answers = new Map();
    for (const reader of this.#readers) {
      reader.failed = false;
      reader.wake();
    }
  }

  /** The store's clock went back: what comes now has times that were passed before. */
  #setBack(nowUs: bigint): void {
    this.#tickUs = this.#horizonUs = nowUs;
    for (const reader of this.#readers) if (reader.fromUs > nowUs) reader.fromUs = nowUs;
  }

  /** Each change once. */
  #report(failure: string): void {
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#options.log(failure === "" ? "telemetry: tails go on" : `telemetry: tails wait: ${failure}`);
  }

  /** The reader's next window, as soon as there is one. */
  async #next(reader: Reader, signal: AbortSignal): Promise<Window> {
    while (!signal.aborted && (reader.failed || this.#horizonUs <= reader.fromUs)) {
      await new Promise<void>((resolve) => {
        reader.wake = resolve;
      });
    }
    if (signal.aborted) throw new SpanloomError("SHUTTING_DOWN", "cannot follow spans any longer: the call was ended");
    const window = { fromUs: reader.fromUs, untilUs: this.#horizonUs };
    reader.fromUs = window.untilUs;
    return window;
  }

  async *#read(
    request: TailSpansRequest,
    reader: Reader,
    window: Window,
    signal: AbortSignal,
  ): AsyncIterable<ArrowBatch> {
    try {
      const answer = (await this.#shared(request, window)) ?? this.#stream(request, window, signal);
      for await (const batch of answer) if (batch.rows > 0) yield batch;
    } catch (error) {
      if (!(error instanceof SpanloomError && error.retryable) || signal.aborted) throw error;
      this.#report(error.message);
      reader.failed = true;
      if (window.fromUs < reader.fromUs) reader.fromUs = window.fromUs;
    }
  }

  /** What readers share of a window that ends at the horizon; undefined when each has to read for itself. */
  #shared(request: TailSpansRequest, window: Window): Promise<readonly ArrowBatch[] | undefined> {
    if (window.untilUs !== this.#horizonUs) return Promise.resolve(undefined);
    const { filter, columns } = request;
    const asked = toBinary(TailSpansRequestSchema, { ...request, filter, columns, includeExisting: false });
    const key = `${window.fromUs} ${Buffer.from(asked).toString("latin1")}`;
    const known = this.#answers.get(key);
    if (known) return known;
    const answer = this.#gather(request, window);
    this.#answers.set(key, answer);
    return answer;
  }

  async #gather(request: TailSpansRequest, window: Window): Promise<readonly ArrowBatch[] | undefined> {
    const batches: ArrowBatch[] = [];
    let bytes = 0;
    for await (const batch of this.#stream(request, window)) {
      batches.push(batch);
      bytes += batch.ipc.length;
      if (bytes > SHARED_BYTES) return undefined;
    }
    return batches;
  }

  async *#stream(request: TailSpansRequest, window: Window, signal?: AbortSignal): AsyncIterable<ArrowBatch> {
    const traces = await this.#options.jobTraces(request);
    yield* this.#options.store.stream(planTail(request, traces, window), signal);
  }

  #nowUs(): Promise<bigint> {
    return readNumber(this.#options.store, nowStatement);
  }
}

/** The one number a statement answers with. */
async function readNumber(store: SpanStore, statement: Statement): Promise<bigint> {
  let found = 0n;
  for await (const { ipc, rows } of store.stream(statement)) {
    if (rows > 0) found = tableFromIPC(ipc).getChildAt(0)?.get(0) as bigint;
  }
  return found;
}
