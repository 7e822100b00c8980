import { setTimeout as sleep } from "node:timers/promises";
import type { CallOptions, Client as RpcClient } from "@connectrpc/connect";
import { context } from "@opentelemetry/api";
import {
  type Cancellation,
  CancellationReason,
  defaultLimits,
  durationFromMs,
  type LeasedTask,
  type LeaseTasksRequest,
  type LeaseTasksResponse,
  ResultStatus,
  SpanloomError,
  type TaskService,
  type TelemetryRejection,
} from "@spanloom/protocol";
import { callWithRetry, retryDelayMs, toCallError } from "@spanloom/sdk";
import type { AttemptPool } from "./attempt-pool.ts";
import type { AskingFields, ClosedSpanInbox } from "./closed-span-inbox.ts";
import type { RunnerStats } from "./metrics/runner-stats.ts";
import type { ReportBatch, ResultStore } from "./result-store.ts";
import { untraced } from "./untraced-transport.ts";

/** What a lease loop takes. */
export interface LeaseLoopOptions {
  service: RpcClient<typeof TaskService>;
  /** Base URL, for messages. */
  url: string;
  runnerId: string;
  queues: readonly string[];
  identifiers: { name: string; version: string }[];
  pool: AttemptPool;
  store: ResultStore;
  /** Asks with every call for spans that ended; undefined when the server hands out none. */
  closedSpans: ClosedSpanInbox | undefined;
  /** What the runner adds to its clock to have the server's; undefined when its times are by its own clock. */
  clockOffsetUs(): number | undefined;
  /** Takes over what was leased. */
  leased(tasks: readonly LeasedTask[]): void;
  /** The server asks the runner to finish what it has. */
  drained(): void;
  stats: Pick<
    RunnerStats,
    "failedCalls" | "staleResults" | "invalidResults" | "givenUpResults" | "rejectedSpans" | "rejectedLogs"
  >;
  log(line: string): void;
  random: () => number;
}

/**
 * Moves work in and results out: the runner's side of LeaseTasks.
 *
 * Two kinds of calls. A *poll* asks for tasks only and may sleep on the server; there is at most one. An *exchange*
 * reports results, asks for as many tasks as there is room for, and never sleeps; there are at most {@link MAX_EXCHANGES}.
 *
 * I1. A result never waits for a poll: it leaves with an exchange in the same turn of the event loop, or with the next
 *     one when {@link MAX_EXCHANGES} are out, all results of the meantime together.
 * I2. A chain of tasks costs one round trip per step: the exchange that reports a step brings the next, whose code is
 *     started, and reported when it has ended by then, in the same turn of the event loop.
 * I3. What all calls under way may bring, and what is held, never exceeds the pool's capacity.
 * I4. A batch is sent until the server acknowledges it; an outage ends nothing.
 * I5. After {@link stopLeasing} no call asks for tasks.
 */
export class LeaseLoop {
  readonly #options: LeaseLoopOptions;
  readonly #stopPolling = new AbortController();
  readonly #stopReporting = new AbortController();
  /** Tasks that calls under way may bring. */
  #reserved = 0;
  #polling = false;
  #exchanges = 0;
  #scheduled = false;
  #leasing = false;
  #unreachable = false;
  /** Times in a row that the server had no room for telemetry. */
  #refusals = 0;
  #retrying: NodeJS.Timeout | undefined;

  constructor(options: LeaseLoopOptions) {
    this.#options = options;
  }

  /** Begins to lease. */
  start(): void {
    this.#leasing = true;
    this.#advance();
  }

  /** Asks for no more tasks (I5); results go on being reported. Safe to call twice. */
  stopLeasing(): void {
    this.#leasing = false;
    this.#stopPolling.abort();
  }

  /** Ends all calls; what was not reported is not. Safe to call twice. */
  stop(): void {
    this.stopLeasing();
    clearTimeout(this.#retrying);
    this.#stopReporting.abort();
  }

  /** Whether a poll waits at the server, or for a server that is away. */
  get isPolling(): boolean {
    return this.#polling;
  }

  /** There is something to report, or room for tasks: acts before the event loop's next turn. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // An attempt's telemetry wakes the loop from within the attempt, which what the loop does is no part of.
    context.with(untraced, setImmediate, undefined, () => {
      this.#scheduled = false;
      this.#advance();
    });
  }

  #advance(): void {
    const { store } = this.#options;
    this.#sendResults();
    if (!this.#leasing || this.#polling || store.full) return;
    // With results on their way out, their exchange asks for the freed room; a poll is for room that is left over.
    if (this.#options.pool.free - this.#reserved > 0) void this.#poll();
  }

  #sendResults(): void {
    while (this.#exchanges < MAX_EXCHANGES) {
      const batch = this.#options.store.take();
      if (!batch) return;
      void this.#exchange(batch);
    }
  }

  /** Room for tasks that no call has asked for. */
  #room(): number {
    const { pool, store } = this.#options;
    if (!this.#leasing || store.full) return 0;
    return Math.max(0, Math.min(pool.capacity - pool.held.size - this.#reserved, defaultLimits.maxLeaseBatch));
  }

  async #exchange(batch: ReportBatch): Promise<void> {
    this.#exchanges++;
    try {
      await this.#report(batch);
    } catch (error) {
      // Only stop() ends reporting; the results were kept until then.
      if (!this.#stopReporting.signal.aborted) throw error;
    } finally {
      this.#exchanges--;
    }
    // What ended meanwhile goes first: the server has something to do while the code runs here.
    this.#sendResults();
    this.#options.pool.start();
    this.#advance();
  }

  async #report(batch: ReportBatch): Promise<void> {
    const { store, url } = this.#options;
    try {
      const response = await callWithRetry(url, (call) => this.#call(batch, call), {
        maxAttempts: Number.POSITIVE_INFINITY,
        signal: this.#stopReporting.signal,
        random: this.#options.random,
        onRetry: (error, delayMs) => this.#failed(error, delayMs),
      });
      this.#checkAcks(response, batch);
      if (batch.telemetry && response.telemetryRejection?.retryable) {
        store.refuse(batch);
        this.#retryRefused(response.telemetryRejection);
      } else {
        if (batch.telemetry) this.#refusals = 0;
        store.acknowledge(batch);
      }
      this.#received(response);
    } catch (cause) {
      this.#stopReporting.signal.throwIfAborted();
      await this.#refused(batch, toCallError(cause, url));
    }
  }

  /** One exchange. Half of the room is left to the other one, so that both stay busy. */
  async #call(batch: ReportBatch, call: CallOptions): Promise<LeaseTasksResponse> {
    const room = this.#room();
    const maxTasks = room > 2 * this.#options.pool.free ? Math.ceil(room / 2) : room;
    this.#reserved += maxTasks;
    try {
      const request = {
        maxTasks,
        results: [...batch.results],
        ...this.#clockOffset(),
        ...(batch.telemetry && { telemetry: batch.telemetry }),
      };
      return await this.#leaseTasks(request, { ...call, timeoutMs: CALL_TIMEOUT_MS });
    } finally {
      this.#reserved -= maxTasks;
    }
  }

  /** The server refused a whole request: its parts are tried alone, and what is refused alone is given up. */
  async #refused(batch: ReportBatch, error: SpanloomError): Promise<void> {
    const { store, log } = this.#options;
    if (error.reason !== "INVALID_FIELD" && error.reason !== "LIMIT_EXCEEDED") {
      // A wrong token or a defect of the server: someone may mend it while the results are kept.
      const delayMs = retryDelayMs(MENDING_ATTEMPT, error, { random: this.#options.random });
      this.#failed(error, delayMs);
      await sleep(delayMs, undefined, { signal: this.#stopReporting.signal });
      return this.#report(batch);
    }
    const parts = store.split(batch);
    if (parts) {
      await this.#report(parts[0]);
      this.#options.pool.start();
      return this.#report(parts[1]);
    }
    const [result] = batch.results;
    const dropped = store.giveUp(batch);
    if (result) this.#options.stats.givenUpResults++;
    const what = result ? `the result of task ${result.taskId}` : `${dropped} spans and log records`;
    log(`gave up ${what}: the server refuses it: ${error.message}`);
  }

  /** The server has no room for telemetry: it is sent again after a while, the longer the more often it was refused. */
  #retryRefused({ message }: TelemetryRejection): void {
    const { random, store, log } = this.#options;
    if (this.#refusals === 0) log(`the server has no room for telemetry, which is kept: ${message}`);
    if (this.#retrying) return;
    const delayMs = retryDelayMs(++this.#refusals, new SpanloomError("OVERLOADED", message), { random });
    this.#retrying = setTimeout(() => {
      this.#retrying = undefined;
      store.retryRefused();
    }, delayMs);
  }

  async #poll(): Promise<void> {
    this.#polling = true;
    for (let failures = 0; this.#leasing && !this.#options.store.full; ) {
      const free = this.#options.pool.free - this.#reserved;
      if (free <= 0) break;
      try {
        this.#received(await this.#pollOnce(Math.max(free, Math.ceil(this.#room() / 2))));
        failures = 0;
        // Code that ends at once is reported before the next poll leaves: the server finds both when it wakes.
        this.#options.pool.start();
        this.#sendResults();
      } catch (cause) {
        if (this.#stopPolling.signal.aborted) break;
        const error = toCallError(cause, this.#options.url);
        const delayMs = retryDelayMs(++failures, error, { random: this.#options.random });
        this.#failed(error, delayMs);
        await this.#pause(delayMs);
      }
    }
    this.#polling = false;
  }

  async #pollOnce(maxTasks: number): Promise<LeaseTasksResponse> {
    const asked = Math.min(maxTasks, defaultLimits.maxLeaseBatch);
    this.#reserved += asked;
    try {
      return await this.#leaseTasks(
        { maxTasks: asked, wait: durationFromMs(WAIT_MS) },
        { timeoutMs: WAIT_MS + CALL_TIMEOUT_MS, signal: this.#stopPolling.signal },
      );
    } finally {
      this.#reserved -= asked;
    }
  }

  /** One call; what it brings of spans that ended is taken care of. */
  #leaseTasks(request: LeaseFields, options: CallOptions): Promise<LeaseTasksResponse> {
    const { closedSpans, service } = this.#options;
    const call = (asking: AskingFields) => service.leaseTasks({ ...this.#identity(), ...request, ...asking }, options);
    return closedSpans ? closedSpans.ask(call) : call({});
  }

  /** Fetches the spans of all that has ended by now; what a call does not bring is another runner's to fetch. */
  async fetchClosedSpans(): Promise<void> {
    const { closedSpans } = this.#options;
    for (let left = closedSpans?.active ? MAX_FETCHES : 0; left > 0; left--) {
      const options = { timeoutMs: CALL_TIMEOUT_MS, signal: this.#stopReporting.signal };
      const answer = await this.#leaseTasks({ maxTasks: 0 }, options);
      if (answer.closedSpans.length === 0) return;
    }
  }

  async #pause(delayMs: number): Promise<void> {
    try {
      await sleep(delayMs, undefined, { signal: this.#stopPolling.signal });
    } catch {
      // Stopping ends the pause; the caller looks at the signal.
    }
  }

  #identity() {
    const { runnerId, queues, identifiers } = this.#options;
    return { runnerId, queues: [...queues], identifiers };
  }

  #clockOffset() {
    const offsetUs = this.#options.clockOffsetUs();
    return offsetUs === undefined ? {} : { clockOffsetNanos: BigInt(offsetUs) * 1000n };
  }

  #received(response: LeaseTasksResponse): void {
    const { leased, pool, drained, log } = this.#options;
    if (this.#unreachable) log(`reached the server at ${this.#options.url} again`);
    this.#unreachable = false;
    if (response.tasks.length > 0) leased(response.tasks);
    for (const cancellation of response.cancellations) abortCancelled(pool, cancellation);
    if (response.drain) drained();
    const { telemetryRejection: rejection } = response;
    if (!rejection || rejection.retryable) return;
    this.#options.stats.rejectedSpans += Number(rejection.rejectedSpans);
    this.#options.stats.rejectedLogs += Number(rejection.rejectedLogs);
    log(`the server refused ${rejection.rejectedSpans} spans and ${rejection.rejectedLogs} logs: ${rejection.message}`);
  }

  #checkAcks({ resultAcks }: LeaseTasksResponse, batch: ReportBatch): void {
    const { log, stats } = this.#options;
    resultAcks.forEach((ack, index) => {
      const { taskId = ack.taskId, attempt = ack.attempt } = batch.results[index] ?? {};
      if (ack.status === ResultStatus.STALE_LEASE) {
        stats.staleResults++;
        log(`result of task ${taskId}, attempt ${attempt}, came too late: its lease was lost`);
      } else if (ack.status === ResultStatus.INVALID) {
        stats.invalidResults++;
        log(`result of task ${taskId}, attempt ${attempt}, was refused: ${ack.message}`);
      }
    });
  }

  #failed(error: SpanloomError, delayMs: number): void {
    this.#options.stats.failedCalls++;
    if (this.#unreachable) return;
    this.#unreachable = true;
    this.#options.log(`${error.message}; trying again, first in ${Math.round(delayMs)} ms`);
  }
}

/** Stops an attempt the server has cancelled. */
export function abortCancelled(pool: AttemptPool, cancellation: Cancellation): void {
  if (cancellation.reason === CancellationReason.TIMEOUT) pool.abort(cancellation, "timeout", "it timed out");
  else pool.abort(cancellation, "cancelled", cancellationReasons[cancellation.reason] ?? "it was cancelled");
}

const cancellationReasons: Partial<Record<CancellationReason, string>> = {
  [CancellationReason.JOB_CANCELLED]: "its job was cancelled",
  [CancellationReason.JOB_FAILED]: "another task of its job failed",
  [CancellationReason.CONCURRENCY]: "a newer task took its place",
};

/** What a call says besides who makes it. */
type LeaseFields = Partial<Pick<LeaseTasksRequest, "wait" | "results" | "clockOffsetNanos">> & {
  maxTasks: number;
  telemetry?: NonNullable<ReportBatch["telemetry"]>;
};

/** Exchanges under way at once: one on the server while the other is written or read. */
const MAX_EXCHANGES = 2;

/** Calls that fetch spans before a stop: the last one says that all came. Each brings some thousands. */
const MAX_FETCHES = 100;

/** How long a poll may sleep on the server. */
const WAIT_MS = 20_000;

/** Deadline of an exchange, and how much longer than its wait a poll may take. */
const CALL_TIMEOUT_MS = 15_000;

/** The backoff's step for failures only a person can mend: long waits from the start. */
const MENDING_ATTEMPT = 6;
