import type { TaskResult } from "@spanloom/protocol";
import type { AbortKind } from "@spanloom/sdk";
import type { Attempt } from "./attempt.ts";
import { abandon, abortAttempt, type ExecuteServices, execute, fail, outcomeOfAbort } from "./execute.ts";
import { toTaskFailure } from "./failure.ts";
import { Prefetch } from "./prefetch.ts";
import { type Outcome, releaseResult, toResult } from "./task-result.ts";

/** An attempt by name. */
export interface AttemptName {
  taskId: string;
  attempt: number;
}

/** What a pool takes. */
export interface AttemptPoolOptions extends Omit<ExecuteServices, "settled"> {
  /** Attempts at once. */
  concurrency: number;
  /** Most tasks held beyond those. */
  prefetch: number;
  /** Told of every attempt that ended; the result is undefined when its lease was lost. */
  ended(attempt: Attempt, result: TaskResult | undefined): void;
}

/**
 * The attempts a runner holds: those that run and those that wait for a slot.
 *
 * I1. At most `concurrency` attempts run; a slot is free again when its attempt has settled.
 * I2. Starting attempts never blocks the event loop for much longer than {@link SLICE_MS}, however many tiny ones wait,
 *     so results leave and heartbeats go out meanwhile.
 * I3. Every attempt held leaves once, through `ended`.
 */
export class AttemptPool {
  readonly #options: AttemptPoolOptions;
  readonly #services: ExecuteServices;
  readonly #prefetch: Prefetch;
  readonly #held = new Set<Attempt>();
  #queue: Attempt[] = [];
  #head = 0;
  #running = 0;
  #pumping = false;
  #scheduled = false;
  #sliceEndMs = 0;
  #idle: (() => void)[] = [];

  constructor(options: AttemptPoolOptions) {
    this.#options = options;
    this.#prefetch = new Prefetch(options.prefetch, options.concurrency);
    this.#services = { ...options, settled: (attempt, result) => this.#settled(attempt, result) };
  }

  /** Attempts held: running and waiting. */
  get held(): ReadonlySet<Attempt> {
    return this.#held;
  }

  /** Attempts that run. */
  get running(): number {
    return this.#running;
  }

  /** Slots that nothing held will take. */
  get free(): number {
    return this.#options.concurrency - this.#held.size;
  }

  /** Tasks that may be held in all. */
  get capacity(): number {
    return this.#options.concurrency + this.#prefetch.allowed;
  }

  /** Takes attempts over; they wait for {@link start}. */
  accept(attempts: readonly Attempt[]): void {
    for (const attempt of attempts) {
      this.#held.add(attempt);
      this.#queue.push(attempt);
    }
  }

  /** Starts the attempts that wait, as many as there are slots for. */
  start(): void {
    this.#sliceEndMs = performance.now() + SLICE_MS;
    this.#pump();
  }

  /**
   * Tells the attempt to stop; one that has not started ends at once. Gives false when it is not held (any longer), or
   * known to be lost: every heartbeat says so again while its code goes on.
   */
  abort(reference: AttemptName, kind: AbortKind, why: string): boolean {
    const attempt = this.#find(reference);
    if (!attempt || attempt.lost) return false;
    if (kind === "lease_lost") attempt.lost = true;
    if (attempt.state === "queued") {
      attempt.abort(kind, why);
      this.#drop(attempt, outcomeOfAbort(attempt, toTaskFailure(attempt.aborted)));
    } else abortAttempt(attempt, [kind, why], this.#services);
    return true;
  }

  /** Fails a running attempt with an error its code did not catch. Gives false when it does not run (any longer). */
  fail(reference: AttemptName, error: unknown): boolean {
    const attempt = this.#find(reference);
    if (attempt?.state !== "running") return false;
    fail(attempt, error, this.#services);
    return true;
  }

  /** Tells all that run to stop. */
  abortAll(kind: AbortKind, why: string): void {
    for (const attempt of this.#held) abortAttempt(attempt, [kind, why], this.#services);
  }

  /** Gives back attempts that wait for a slot. */
  releaseWaiting(): void {
    for (const attempt of [...this.#held])
      if (attempt.state === "queued") this.#drop(attempt, releaseResult("SHUTDOWN"));
  }

  /** Gives back attempts leased before `leasedBeforeUs` that wait for a slot, when all slots are taken. */
  releaseStale(leasedBeforeUs: number): void {
    if (this.#running < this.#options.concurrency) return;
    for (const attempt of [...this.#held])
      if (attempt.state === "queued" && attempt.leasedAtUs < leasedBeforeUs)
        this.#drop(attempt, releaseResult("OVERLOADED"));
  }

  /** Settles what still runs, whatever its code does. */
  abandonAll(): void {
    for (const attempt of [...this.#held]) abandon(attempt, this.#services);
  }

  /** Resolves when nothing is held. */
  whenEmpty(): Promise<void> {
    if (this.#held.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #find({ taskId, attempt }: AttemptName): Attempt | undefined {
    for (const held of this.#held) if (held.task.taskId === taskId && held.task.attempt === attempt) return held;
    return undefined;
  }

  #drop(attempt: Attempt, outcome: Outcome): void {
    attempt.state = "settled";
    this.#end(attempt, attempt.lost ? undefined : toResult(attempt, outcome, this.#options.nowUs()));
  }

  #settled(attempt: Attempt, result: TaskResult | undefined): void {
    this.#running--;
    this.#prefetch.note((this.#options.nowUs() - attempt.tracing.startedAtUs) / 1000);
    this.#end(attempt, result);
    this.#pump();
  }

  #end(attempt: Attempt, result: TaskResult | undefined): void {
    this.#held.delete(attempt);
    this.#options.ended(attempt, result);
    if (this.#held.size > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.start();
    });
  }

  #pump(): void {
    // A task that settles within its own start comes back here; the loop below goes on with it.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#running < this.#options.concurrency && this.#head < this.#queue.length) {
      if (performance.now() >= this.#sliceEndMs) {
        this.#schedule();
        break;
      }
      const attempt = this.#next();
      if (attempt.state !== "queued") continue;
      this.#running++;
      execute(attempt, this.#services);
    }
    this.#pumping = false;
  }

  #next(): Attempt {
    const attempt = this.#queue[this.#head++]!;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
    return attempt;
  }
}

/** Time given to starting attempts before the event loop turns. */
const SLICE_MS = 2;
