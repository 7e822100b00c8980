import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import type { TaskResult } from "@spanloom/protocol";
import type { ExportTraceServiceRequest } from "@spanloom/protocol/otlp";
import type { Attempt } from "../attempt.ts";
import { jobEndsIn } from "./closed-jobs.ts";
import { Hook, type HookCall } from "./hook.ts";
import { beginsJob, jobStartOf, taskEndOf, taskStartOf } from "./hook-events.ts";
import type { RunnerHooks } from "./runner-hooks.ts";

/** What a dispatcher takes. */
export interface HookDispatcherOptions {
  hooks: readonly RunnerHooks[];
  /** The runner's clock. */
  nowUs(): number;
  log(line: string): void;
  /** Most events that wait to be told. Default 10,000. */
  maxEvents?: number;
  /** Most calls of one hook that have not settled. Default 1,000. */
  maxUnsettled?: number;
}

/** What became of the calls of hooks, in all. */
export interface HookStats {
  /** Calls made. */
  called: number;
  /** Calls that threw or were rejected. */
  failed: number;
  /** Calls not made: too many events waited, or too many calls had not settled. */
  dropped: number;
  /** Calls that have not settled yet. */
  unsettled: number;
}

/**
 * Tells hooks what a runner runs.
 *
 * I1. No hook runs within the beginning or the end of an attempt: events wait for a later turn of the event loop, by which
 *     the results they tell of were handed on, and then take no more than {@link SLICE_MS} of a turn.
 * I2. At most `maxEvents` wait; what comes then is dropped. Of a hook of which `maxUnsettled` calls have not settled no
 *     more are made. What is not told is counted, and logged the first time.
 * I3. Nothing a hook does fails or delays anything but its own calls, as far as it gives the event loop back.
 */
export class HookDispatcher {
  readonly #hooks: readonly Hook[];
  readonly #options: HookDispatcherOptions;
  readonly #maxEvents: number;
  /** Jobs whose beginning was told, the latest last: one with several roots begins once. */
  readonly #begun = new Set<string>();
  /** Events are made as they are told; a few at most hold on to their attempts, whose inputs may be large. */
  #waiting: (() => HookCall)[] = [];
  #isScheduled = false;
  #droppedEvents = 0;
  #idle: (() => void)[] = [];

  constructor(options: HookDispatcherOptions) {
    const { hooks, log, maxEvents = 10_000, maxUnsettled = 1_000 } = options;
    this.#options = options;
    this.#maxEvents = maxEvents;
    this.#hooks = hooks.map((each) => new Hook(each, { maxUnsettled, log, settled: () => this.#resolveIdle() }));
  }

  /** Whether there is anybody to tell. */
  get active(): boolean {
    return this.#hooks.length > 0;
  }

  /** Whether anybody is to be told of jobs that ended, which the server is asked for. */
  get wantsJobEnds(): boolean {
    return this.#options.hooks.some((each) => "onJobEnd" in each);
  }

  /** What became of the calls so far. */
  get stats(): HookStats {
    const stats = { called: 0, failed: 0, dropped: this.#droppedEvents * this.#hooks.length, unsettled: 0 };
    for (const { called, failed, dropped, unsettled } of this.#hooks) {
      stats.called += called;
      stats.failed += failed;
      stats.dropped += dropped;
      stats.unsettled += unsettled;
    }
    return stats;
  }

  /** An attempt's code is about to begin. */
  started(attempt: Attempt): void {
    if (beginsJob(attempt) && this.#isFirst(attempt.task.jobId)) this.#add(() => ["onJobStart", jobStartOf(attempt)]);
    this.#add(() => ["onTaskStart", taskStartOf(attempt)]);
  }

  /** An attempt has ended; without a result its lease was lost. Of one that never began nothing is told. */
  ended(attempt: Attempt, result: TaskResult | undefined): void {
    if (attempt.tracing.startedAtUs === 0 || !attempt.definition) return;
    const endTimeMs = this.#options.nowUs() / 1000;
    this.#add(() => ["onTaskEnd", taskEndOf(attempt, result, endTimeMs)]);
  }

  /** Lifecycle spans that the server gave to this runner, as they have ended. */
  closed(request: ExportTraceServiceRequest): void {
    for (const event of jobEndsIn(request)) this.#add(() => ["onJobEnd", event]);
  }

  /** Tells what waits and waits until all calls have settled, at most so long; logs what failed and was not told. */
  async close(deadlineMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, deadlineMs);
    this.#idle.push(resolve);
    this.#resolveIdle();
    await promise;
    clearTimeout(timer);
    this.#droppedEvents += this.#waiting.length;
    this.#waiting = [];
    const { failed, dropped, unsettled } = this.stats;
    if (failed + dropped + unsettled > 0)
      this.#options.log(`hooks: ${failed} calls failed, ${dropped} were not made, ${unsettled} have not ended`);
  }

  #isFirst(jobId: string): boolean {
    if (this.#begun.has(jobId)) return false;
    this.#begun.add(jobId);
    const [oldest] = this.#begun;
    if (this.#begun.size > MAX_JOBS) this.#begun.delete(oldest!);
    return true;
  }

  #add(make: () => HookCall): void {
    if (this.#waiting.length >= this.#maxEvents) {
      if (this.#droppedEvents++ === 0) this.#options.log(`hooks are not told of all: ${this.#maxEvents} events wait`);
      return;
    }
    if (this.#waiting.length < MAX_UNMADE) this.#waiting.push(make);
    else {
      const call = make();
      this.#waiting.push(() => call);
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule();
  }

  /** What hooks do belongs to no attempt, the one from whose code this is called included. */
  #schedule(): void {
    context.with(ROOT_CONTEXT, setImmediate, undefined, () => {
      // What is there now has had its results handed on by the next turn: that was asked for before.
      const ready = this.#waiting.length;
      setImmediate(() => this.#deliver(ready));
    });
  }

  #deliver(ready: number): void {
    const endMs = performance.now() + SLICE_MS;
    let told = 0;
    while (told < Math.min(ready, this.#waiting.length) && performance.now() < endMs) {
      const call = this.#waiting[told++]!();
      for (const hook of this.#hooks) hook.tell(call);
    }
    this.#waiting.splice(0, told);
    this.#isScheduled = this.#waiting.length > 0;
    if (this.#isScheduled) this.#schedule();
    else this.#resolveIdle();
  }

  #resolveIdle(): void {
    if (this.#isScheduled || this.#hooks.some(({ unsettled }) => unsettled > 0)) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** Time of a turn of the event loop that hooks are called in; a single call may take longer. */
const SLICE_MS = 2;

/** Most events that are made only when they are told: making one takes as long as many tasks do. */
const MAX_UNMADE = 256;

/** Jobs remembered to have begun. */
const MAX_JOBS = 10_000;
