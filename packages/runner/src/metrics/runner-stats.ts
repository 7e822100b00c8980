import { callSeconds, Distribution, workSeconds } from "@spanloom/metrics";
import type { TaskResult } from "@spanloom/protocol";
import type { Attempt } from "../attempt.ts";
import { type AttemptEnd, attemptEndOf } from "../task-result.ts";

/** What a runner counts of one task by name. */
export class TaskStats {
  readonly ended: Record<AttemptEnd, number> = {
    success: 0,
    failure: 0,
    timeout: 0,
    cancelled: 0,
    lost: 0,
    released: 0,
  };
  readonly seconds = new Distribution(workSeconds);
  readonly waitSeconds = new Distribution(callSeconds);
  /** Failed attempts that ask to be run again. */
  retries = 0;
}

/**
 * What a runner counts: plain numbers, which are read when somebody collects metrics.
 *
 * To note an attempt makes no object but the first of each task's name.
 */
export class RunnerStats {
  readonly reportSeconds = new Distribution(callSeconds);
  leasesLost = 0;
  failedHeartbeats = 0;
  /** Calls that lease or report and failed. */
  failedCalls = 0;
  staleResults = 0;
  invalidResults = 0;
  /** Results that were refused with their whole request. */
  givenUpResults = 0;
  rejectedSpans = 0;
  rejectedLogs = 0;
  /** Batches of spans of jobs and tasks that their receivers could not take. */
  lostClosedSpans = 0;
  /** Told of each task that is new here. */
  onTask: ((name: string, stats: TaskStats) => void) | undefined;
  readonly #tasks = new Map<string, TaskStats>();

  /** By name of task. */
  get tasks(): ReadonlyMap<string, TaskStats> {
    return this.#tasks;
  }

  /** An attempt has ended; without a result its lease was lost. */
  ended({ task, tracing, leasedAtUs }: Attempt, result: TaskResult | undefined, nowUs: number): void {
    const stats = this.#statsOf(task.identifier?.name ?? "");
    const end = attemptEndOf(result);
    stats.ended[end]++;
    if (tracing.startedAtUs > 0) {
      stats.seconds.record(Math.max(0, nowUs - tracing.startedAtUs) / 1e6);
      stats.waitSeconds.record(Math.max(0, tracing.startedAtUs - leasedAtUs) / 1e6);
    }
    if ((end === "failure" || end === "timeout") && task.attemptsLeft > 0 && asksAgain(result)) stats.retries++;
  }

  #statsOf(name: string): TaskStats {
    let stats = this.#tasks.get(name);
    if (!stats) {
      stats = new TaskStats();
      this.#tasks.set(name, stats);
      this.onTask?.(name, stats);
    }
    return stats;
  }
}

function asksAgain(result: TaskResult | undefined): boolean {
  return result?.outcome.case === "failure" && result.outcome.value.failure?.retryable !== false;
}
