import { SpanloomError } from "@spanloom/protocol";
import type { SelfTracer, WorkAttributes } from "../../self-tracing/self-tracer.ts";
import { type Asked, beginCommit, endCommit } from "../commit-trace.ts";
import { StoreStats } from "../store-stats.ts";
import { isMachineError, toStoreError } from "./errors.ts";

/** One write as its caller asked for it. */
export interface Operation<Needs, Context> {
  /** Names the rows it works on, so that those of a whole round are read together. */
  needs(needs: Needs): void;
  /** Does it; what it returns is asked for the answer when its round is over. */
  run(context: Context): Promise<() => unknown> | (() => unknown);
}

/** What surrounds operations. */
export interface TransactionHooks<Needs, Context> {
  /** Begins a transaction for so many operations; others asked for meanwhile take part. */
  begin(waiting: number): Promise<Context>;
  /** Reads what the operations of a round need. */
  prefetch(operations: readonly Operation<Needs, Context>[]): Promise<void>;
  /** After the operations of a round: follows up what they did and announces what may ask for more. */
  betweenRounds(): Promise<void>;
  commit(): Promise<void>;
  /** After a commit, before it is announced: what it changed, for self-tracing. */
  changed?(): WorkAttributes;
  /** After a commit: tells listeners. */
  announce(): void;
  /** Undoes everything, in memory too. */
  rollback(): Promise<void>;
  /** Whether what failed the transaction may be none of its operations' doing; after a rollback the next one must know. */
  mayRunAgain(error: unknown): boolean;
}

interface Entry<Needs, Context> extends Asked {
  operation: Operation<Needs, Context>;
  resolve: (value: unknown) => void;
  reject: (error: SpanloomError) => void;
  answer?: () => unknown;
  result?: { value: unknown } | { refusal: SpanloomError };
}

/** Operations of one transaction; more wait for the next, so that answers do not wait for ever. */
const MAX_OPERATIONS = 2_000;
/** Rounds of one transaction: claims that join make nothing ready, so there is seldom a third. */
const MAX_ROUNDS = 4;

/**
 * Many requests, one commit.
 *
 * I1. Operations asked for while a transaction runs share the next; those asked for by `betweenRounds`, or before the
 *     first round began, join the open one.
 * I2. A promise resolves after the commit of its operation, and rejects only when the operation left no trace.
 * I3. An operation that fails by a defect never spoils others: the transaction is rolled back and every operation runs
 *     again in one of its own. Before that all run together once more when the transaction itself may be to blame.
 *     Operations must therefore have no effects but on the store.
 * I4. An operation may refuse by throwing a SpanloomError of the caller's family before its first write: that rejects it
 *     alone.
 */
export class GroupCommit<Needs, Context> {
  readonly #transaction: TransactionHooks<Needs, Context>;
  readonly #stats: StoreStats;
  readonly #tracer: SelfTracer | undefined;
  #queue: Entry<Needs, Context>[] = [];
  #running = false;
  #closed = false;
  #idle: (() => void)[] = [];
  #settling: (() => void)[] = [];

  constructor(transaction: TransactionHooks<Needs, Context>, stats = new StoreStats(), tracer?: SelfTracer) {
    this.#transaction = transaction;
    this.#stats = stats;
    this.#tracer = tracer;
  }

  /** Runs an operation in the next transaction, or in the one that is open. */
  enqueue<T>(operation: Operation<Needs, Context>): Promise<T> {
    if (this.#closed) {
      return Promise.reject(new SpanloomError("SHUTTING_DOWN", "cannot write to the store: it is closing"));
    }
    return new Promise<T>((resolve, reject) => {
      const caller = this.#tracer?.current();
      this.#queue.push({ operation, caller, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Refuses further operations and resolves when those accepted are done. */
  close(): Promise<void> {
    this.#closed = true;
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Resolves when the transaction that is open now, if there is one, is over and announced. */
  settled(): Promise<void> {
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#settling.push(resolve));
  }

  #schedule(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => this.#drain());
  }

  /** Never rejects: whatever goes wrong is told to the operations. */
  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const entries: Entry<Needs, Context>[] = [];
      try {
        await this.#runTraced(this.#queue, entries, () => this.#runTogether(entries));
        this.#succeed(entries);
      } catch (error) {
        // Not dropped: every operation is rejected with it or runs again.
        if (this.#transaction.mayRunAgain(error)) await this.#runAgain(entries);
        else await this.#recover(entries, error ?? "unknown");
      }
      for (const resolve of this.#settling.splice(0)) resolve();
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Runs a transaction within a span, if there is to be one; `entries` are complete when it is over. */
  async #runTraced(
    known: readonly Entry<Needs, Context>[],
    entries: readonly Entry<Needs, Context>[],
    run: () => Promise<void>,
  ): Promise<void> {
    const tracer = this.#tracer;
    if (!tracer) return run();
    const span = beginCommit(tracer, known);
    try {
      await tracer.run(span, run);
      endCommit(span, entries, { changed: this.#transaction.changed?.() ?? {} });
    } catch (failure) {
      endCommit(span, entries, { failure });
      throw failure;
    }
  }

  async #runTogether(entries: Entry<Needs, Context>[]): Promise<void> {
    const startedAtMs = performance.now();
    let context: Context;
    try {
      context = await this.#transaction.begin(this.#queue.length);
    } catch (error) {
      entries.push(...this.#queue.splice(0));
      throw error;
    }
    for (let round = 0; round < MAX_ROUNDS && this.#queue.length > 0 && entries.length < MAX_OPERATIONS; round++) {
      const joined = this.#queue.splice(0, MAX_OPERATIONS - entries.length);
      entries.push(...joined);
      await this.#runRound(context, joined);
    }
    await this.#transaction.commit();
    this.#stats.committed(entries.length, (performance.now() - startedAtMs) / 1_000);
  }

  async #runRound(context: Context, entries: readonly Entry<Needs, Context>[]): Promise<void> {
    await this.#transaction.prefetch(entries.map(({ operation }) => operation));
    for (const entry of entries) await attempt(entry, context);
    await this.#transaction.betweenRounds();
    for (const entry of entries) if (entry.answer !== undefined) entry.result = { value: entry.answer() };
  }

  async #runAgain(entries: readonly Entry<Needs, Context>[]): Promise<void> {
    await this.#rollback();
    for (const entry of entries) clear(entry);
    this.#queue.unshift(...entries);
  }

  async #recover(entries: readonly Entry<Needs, Context>[], failure: unknown): Promise<void> {
    await this.#rollback();
    if (entries.length === 1 || isMachineError(failure)) {
      for (const entry of entries) entry.reject(toStoreError(failure));
      return;
    }
    for (const entry of entries) await this.#runAlone(entry);
  }

  async #runAlone(entry: Entry<Needs, Context>): Promise<void> {
    try {
      await this.#runTraced([entry], [entry], () => this.#tryAlone(entry));
    } catch (error) {
      const runsAgain = this.#transaction.mayRunAgain(error);
      await this.#rollback();
      if (runsAgain) await this.#runAlone(entry);
      else entry.reject(toStoreError(error));
      return;
    }
    this.#succeed([entry]);
  }

  async #tryAlone(entry: Entry<Needs, Context>): Promise<void> {
    const startedAtMs = performance.now();
    const context = await this.#transaction.begin(1);
    clear(entry);
    await this.#runRound(context, [entry]);
    await this.#transaction.commit();
    this.#stats.committed(1, (performance.now() - startedAtMs) / 1_000);
  }

  #succeed(entries: readonly Entry<Needs, Context>[]): void {
    for (const entry of entries) settle(entry);
    this.#transaction.announce();
  }

  async #rollback(): Promise<void> {
    this.#stats.rolledBack();
    try {
      await this.#transaction.rollback();
    } catch {
      // The next begin meets the same trouble and tells its caller; this one already has an error to tell.
    }
  }
}

async function attempt<Needs, Context>(entry: Entry<Needs, Context>, context: Context): Promise<void> {
  try {
    entry.answer = await entry.operation.run(context);
  } catch (error) {
    if (!(error instanceof SpanloomError) || error.retryable || error.reason === "INTERNAL") throw error;
    entry.result = { refusal: error };
  }
}

/** Forgets what came of it in a transaction that was undone. */
function clear<Needs, Context>(entry: Entry<Needs, Context>): void {
  delete entry.result;
  delete entry.answer;
}

function settle<Needs, Context>({ result, resolve, reject }: Entry<Needs, Context>): void {
  if (result === undefined) reject(new SpanloomError("INTERNAL", "cannot settle operation: it never ran"));
  else if ("refusal" in result) reject(result.refusal);
  else resolve(result.value);
}
