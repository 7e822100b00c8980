import type { ArrowBatch, SpanStore, TelemetryTable } from "../columnar/span-store.ts";
import type { JobTraces } from "../query/filter-sql.ts";
import type { Window } from "../query/tail-plan.ts";
import { cutWindow } from "./cut-window.ts";
import type { Followed } from "./followed.ts";
import { formatPosition } from "./position.ts";

/** Most bytes of an answer that readers share; of a longer one each reads its own as fast as it takes it. */
const SHARED_BYTES = 8 * 1024 ** 2;
/** A window of more time is looked at for its rows first. */
const LONG_US = 10_000_000n;
/** About how many stored rows are read at a time: the engine holds the keys of all of them, some 100 bytes each. */
const ROWS_AT_A_TIME = 500_000n;

/** Part of what a reader gets. */
export interface TailBatch extends ArrowBatch {
  /** All before it was sent; empty as long as there is none. */
  position: string;
}

/** What windows are read from. */
export interface WindowReaderOptions {
  store: Pick<SpanStore, "stream">;
  jobTraces: (jobIds: readonly string[]) => Promise<JobTraces>;
}

/** Reads windows of the store, for readers that ask the same only once. */
export class WindowReader {
  readonly #options: WindowReaderOptions;
  /** Answers of shared windows, by window and request; undefined when too long to share. */
  readonly #answers: Record<TelemetryTable, Map<string, Promise<readonly ArrowBatch[] | undefined>>> = {
    spans: new Map(),
    logs: new Map(),
  };
  readonly #pieces: Record<TelemetryTable, Map<string, Promise<Window[]>>> = { spans: new Map(), logs: new Map() };

  constructor(options: WindowReaderOptions) {
    this.#options = options;
  }

  /** Lets go of what was shared of a table. */
  forget(table: TelemetryTable): void {
    this.#answers[table].clear();
    this.#pieces[table].clear();
  }

  /** A window in pieces that are read one after the other, each of about as many rows as can be read at a time. */
  pieces({ table }: Followed, window: Window): Promise<Window[]> {
    if (window.untilUs - window.fromUs <= LONG_US) return Promise.resolve([window]);
    const key = `${window.fromUs} ${window.untilUs}`;
    let pieces = this.#pieces[table].get(key);
    if (!pieces) {
      pieces = cutWindow(this.#options.store, table, window, ROWS_AT_A_TIME);
      this.#pieces[table].set(key, pieces);
    }
    return pieces;
  }

  /** What became new within a window. The last batch has the window's end for its position, those before its beginning. */
  async *read(
    followed: Followed,
    window: Window,
    { isShared, signal }: { isShared: boolean; signal: AbortSignal },
  ): AsyncIterable<TailBatch> {
    const shared = isShared ? await this.#shared(followed, window) : undefined;
    let held: ArrowBatch | undefined;
    for await (const batch of shared ?? this.#stream(followed, window, signal)) {
      if (batch.rows === 0) continue;
      if (held) yield { ...held, position: formatPosition(window.fromUs) };
      held = batch;
    }
    if (held) yield { ...held, position: formatPosition(window.untilUs) };
  }

  #shared(followed: Followed, window: Window): Promise<readonly ArrowBatch[] | undefined> {
    const answers = this.#answers[followed.table];
    const key = `${window.fromUs} ${window.untilUs} ${followed.key}`;
    let answer = answers.get(key);
    if (!answer) {
      answer = this.#gather(followed, window);
      answers.set(key, answer);
    }
    return answer;
  }

  async #gather(followed: Followed, window: Window): Promise<readonly ArrowBatch[] | undefined> {
    const batches: ArrowBatch[] = [];
    let bytes = 0;
    for await (const batch of this.#stream(followed, window)) {
      batches.push(batch);
      bytes += batch.ipc.length;
      if (bytes > SHARED_BYTES) return undefined;
    }
    return batches;
  }

  async *#stream(followed: Followed, window: Window, signal?: AbortSignal): AsyncIterable<ArrowBatch> {
    const traces = await this.#options.jobTraces(followed.jobIds);
    yield* this.#options.store.stream(followed.plan(traces, window), signal);
  }
}
