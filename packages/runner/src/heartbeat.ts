import type { Client as RpcClient } from "@connectrpc/connect";
import type { HeartbeatResponse, TaskService } from "@spanloom/protocol";
import { toCallError } from "@spanloom/sdk";
import type { Attempt } from "./attempt.ts";
import type { AttemptPool } from "./attempt-pool.ts";
import type { NowUs } from "./clock.ts";
import type { AskingFields, ClosedSpanInbox } from "./closed-span-inbox.ts";
import { abortCancelled } from "./lease-loop.ts";
import type { RunnerStats } from "./metrics/runner-stats.ts";
import { type ClockSample, toClockSample } from "./server-clock.ts";

/** How long a cancellation may stay unheard: what a server promises of polls, which are not made while all slots are taken. */
const UNHEARD_MS = 1_000;

/** What a heartbeat takes. */
export interface HeartbeatOptions {
  service: RpcClient<typeof TaskService>;
  /** Base URL, for messages. */
  url: string;
  runnerId: string;
  pool: AttemptPool;
  /** Attempts that ended here and that the server may not know of; their leases are kept too. */
  unreported(): Iterable<Attempt>;
  /** Asks with every call for spans that ended; undefined when the server hands out none. */
  closedSpans: ClosedSpanInbox | undefined;
  /** Time between two calls: a third of the lease. */
  intervalMs: number;
  /** Whether a poll waits at the server, whose answer tells of cancellations as soon as there are any. */
  isPolling(): boolean;
  nowUs: NowUs;
  /** Told what each answer says of the server's clock. */
  heard(sample: ClockSample): void;
  /** Called before each call, for what is done at the same pace. */
  tick(): void;
  /** The server asks the runner to finish what it has. */
  drained(): void;
  stats: Pick<RunnerStats, "leasesLost" | "failedHeartbeats">;
  log(line: string): void;
}

/**
 * Keeps the leases of all attempts of a runner, with one call for all of them.
 *
 * I1. A lost attempt is told to stop and is never reported; a cancelled one is told to stop and is.
 * I2. A call that fails changes nothing: the server may be away for longer than the leases, and whether they were lost
 *     is the server's to say.
 * I3. An attempt that is cancelled is told so within a second, also while the runner asks for no tasks.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #failing = false;
  #dueMs = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /**
   * Begins, with a call at once: it tells the server what the runner's clock says, before the first telemetry comes.
   * Safe to call twice.
   */
  start(): void {
    if (this.#timer || this.#stopped) return;
    this.#schedule(0);
  }

  /** Ends; a call under way is left to itself. Safe to call twice. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Makes one call now; gives whether the server answered. */
  async beat(): Promise<boolean> {
    const { service, runnerId, pool, nowUs, url, intervalMs, log, tick, closedSpans } = this.#options;
    tick();
    const attempts = [...pool.held, ...this.#options.unreported()];
    const running = attempts.map(({ task: { taskId, attempt, leaseToken }, progress }) => {
      return { taskId, attempt, leaseToken, progress };
    });
    const sentAtUs = nowUs();
    const request = { runnerId, running, sentAtUnixNano: BigInt(sentAtUs) * 1000n };
    try {
      // Twice the interval: on a busy machine a late answer still keeps leases of three intervals.
      const call = (asking: AskingFields) =>
        service.heartbeat({ ...request, ...asking }, { timeoutMs: intervalMs * 2 });
      const response = await (closedSpans ? closedSpans.ask(call) : call({}));
      const sample = toClockSample(response, sentAtUs, nowUs());
      if (sample) this.#options.heard(sample);
      this.#received(response);
      return true;
    } catch (error) {
      // The next one comes sooner, and the lease loop tells of an outage (I2).
      this.#options.stats.failedHeartbeats++;
      if (!this.#failing) log(`heartbeat failed: ${toCallError(error, url).message}`);
      return false;
    }
  }

  #received(response: HeartbeatResponse): void {
    const { pool, log, drained } = this.#options;
    for (const reference of response.lost) {
      // An attempt that was reported while the call was under way is no longer held, and rightly without a lease.
      if (!pool.abort(reference, "lease_lost", "its lease was lost")) continue;
      this.#options.stats.leasesLost++;
      log(`lost the lease of task ${reference.taskId}, attempt ${reference.attempt}`);
    }
    for (const cancellation of response.cancelled) abortCancelled(pool, cancellation);
    if (response.drain) drained();
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => void this.#run(), delayMs);
  }

  /** A call is due an interval after the last began, however long that took; sooner when it failed, or no poll hears (I3). */
  async #run(): Promise<void> {
    const { intervalMs, pool, isPolling } = this.#options;
    const beganMs = performance.now();
    if (beganMs >= this.#dueMs || (pool.held.size > 0 && !isPolling())) {
      this.#failing = !(await this.beat());
      this.#dueMs = this.#failing ? performance.now() + Math.floor(intervalMs / 4) : beganMs + intervalMs;
    }
    const delayMs = Math.min(this.#dueMs - performance.now(), UNHEARD_MS);
    // Timers leave fractions out, and would come too early.
    if (!this.#stopped) this.#schedule(Math.max(0, Math.ceil(delayMs)));
  }
}
