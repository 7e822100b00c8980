import { SpanloomError } from "@spanloom/protocol";
import type { SelfTracer, WorkAttributes } from "../../self-tracing/self-tracer.ts";
import { type Asked, beginCommit, endCommit } from "../commit-trace.ts";
import { StoreStats } from "../store-stats.ts";
import { isMachineError, toStoreError } from "./database.ts";

/**
 * Many requests, one commit.
 *
 * I1. Operations asked for in the same turn of the event loop share one transaction; those asked for while it is open,
 *     by `betweenRounds`, join it.
 * I2. A promise resolves after the commit of its operation, and rejects only when the operation left no trace.
 * I3. An operation that fails by a defect never spoils others: the transaction is rolled back and every operation runs
 *     again in one of its own. Operations must therefore have no effects but on the store.
 * I4. Of operations asked for together those that bring work come first, then those that may end what others wait for: a
 *     claim finds what was submitted with it, and does not have to come again. Whoever ran last is answered first, as
 *     work waits for the answers of claims.
 * I5. An operation may refuse by throwing a SpanloomError of the caller's family before its first write: that rejects it
 *     alone.
 */
export class GroupCommit {
  readonly #transaction: TransactionHooks;
  readonly #stats: StoreStats;
  readonly #tracer: SelfTracer | undefined;
  #queue: Operation[] = [];
  #scheduled = false;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(transaction: TransactionHooks, stats = new StoreStats(), tracer?: SelfTracer) {
    this.#transaction = transaction;
    this.#stats = stats;
    this.#tracer = tracer;
  }

  /** Runs `run` in the next transaction, or in the one that is open. */
  enqueue<T>(run: () => T, brings: Brings = "nothing"): Promise<T> {
    if (this.#closed) {
      return Promise.reject(new SpanloomError("SHUTTING_DOWN", "cannot write to the store: it is closing"));
    }
    return new Promise<T>((resolve, reject) => {
      const caller = this.#tracer?.current();
      this.#queue.push({ run, brings, caller, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Refuses further operations and resolves when those accepted are done. */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    const done = this.#runTraced(this.#queue, () => this.#runTogether());
    if (done.failure !== undefined) this.#recover(done.operations, done.failure);
    else this.#succeed(done.operations);
    this.#scheduled = false;
    if (this.#queue.length > 0) this.#schedule();
    else for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Runs a transaction within a span, if there is to be one. */
  #runTraced(operations: readonly Operation[], run: () => Outcome): Outcome {
    const tracer = this.#tracer;
    if (!tracer) return run();
    const span = beginCommit(tracer, operations);
    const done = tracer.run(span, run);
    const { failure } = done;
    endCommit(
      span,
      done.operations,
      failure === undefined ? { changed: this.#transaction.changed?.() ?? {} } : { failure },
    );
    return done;
  }

  #runTogether(): Outcome {
    const operations: Operation[] = [];
    const startedAtMs = performance.now();
    try {
      this.#transaction.begin();
      while (this.#queue.length > 0 && operations.length < MAX_OPERATIONS) {
        const round = this.#queue;
        this.#queue = [];
        round.sort((a, b) => ORDER[a.brings] - ORDER[b.brings]);
        operations.push(...round);
        for (const operation of round) attempt(operation);
        this.#transaction.betweenRounds();
      }
      this.#transaction.commit();
      this.#stats.committed(operations.length, (performance.now() - startedAtMs) / 1_000);
      return { operations, failure: undefined };
    } catch (error) {
      // Not dropped: handed to #recover, which rejects or repeats every operation.
      return { operations: operations.length > 0 ? operations : this.#queue.splice(0), failure: error ?? "unknown" };
    }
  }

  #recover(operations: readonly Operation[], failure: unknown): void {
    this.#rollback();
    if (operations.length === 1 || isMachineError(failure)) {
      for (const operation of operations) operation.reject(toStoreError(failure));
      return;
    }
    for (const operation of operations) this.#runAlone(operation);
  }

  #runAlone(operation: Operation): void {
    const { failure } = this.#runTraced([operation], () => this.#tryAlone(operation));
    if (failure === undefined) {
      this.#succeed([operation]);
      return;
    }
    this.#rollback();
    operation.reject(toStoreError(failure));
  }

  #tryAlone(operation: Operation): Outcome {
    const startedAtMs = performance.now();
    try {
      this.#transaction.begin();
      attempt(operation);
      this.#transaction.betweenRounds();
      this.#transaction.commit();
      this.#stats.committed(1, (performance.now() - startedAtMs) / 1_000);
      return { operations: [operation], failure: undefined };
    } catch (error) {
      // Not dropped: the operation is rejected with it.
      return { operations: [operation], failure: error ?? "unknown" };
    }
  }

  #succeed(operations: readonly Operation[]): void {
    for (const operation of operations.toReversed()) settle(operation);
    this.#transaction.announce();
  }

  #rollback(): void {
    this.#stats.rolledBack();
    try {
      this.#transaction.rollback();
    } catch {
      // The next begin meets the same trouble and tells its caller; this one already has an error to tell.
    }
  }
}

/** What surrounds operations. */
export interface TransactionHooks {
  begin(): void;
  /** After each round of operations: announces what may ask for more. */
  betweenRounds(): void;
  commit(): void;
  /** After a commit, before it is announced: what it changed, for self-tracing. */
  changed?(): WorkAttributes;
  /** After a commit: tells listeners. */
  announce(): void;
  /** Undoes everything, in memory too. */
  rollback(): void;
}

/** What an operation may have for the others of its commit. */
export type Brings = "work" | "results" | "nothing";

const ORDER: Readonly<Record<Brings, number>> = { work: 0, results: 1, nothing: 2 };

/** A transaction that was tried. */
interface Outcome {
  operations: Operation[];
  failure: unknown;
}

interface Operation extends Asked {
  run: () => unknown;
  brings: Brings;
  resolve: (value: unknown) => void;
  reject: (error: SpanloomError) => void;
  result?: { value: unknown } | { refusal: SpanloomError };
}

/** Operations of one transaction; more wait for the next, so that answers do not wait for ever. */
const MAX_OPERATIONS = 10_000;

function attempt(operation: Operation): void {
  try {
    operation.result = { value: operation.run() };
  } catch (error) {
    if (!(error instanceof SpanloomError) || error.retryable || error.reason === "INTERNAL") throw error;
    operation.result = { refusal: error };
  }
}

function settle({ result, resolve, reject }: Operation): void {
  if (result === undefined) reject(new SpanloomError("INTERNAL", "cannot settle operation: it never ran"));
  else if ("refusal" in result) reject(result.refusal);
  else resolve(result.value);
}
