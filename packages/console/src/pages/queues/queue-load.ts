import type { QueueStats, Runner } from "@spanloom/protocol";
import { RunnerState } from "@spanloom/protocol";
import { timestampMs } from "../../text/timestamp-ms.ts";

/** What a queue has waiting, and who works on it. */
export interface QueueLoad {
  stats: QueueStats;
  /** Attempts that its runners may hold at once; a runner of several queues counts in each. */
  capacity: number;
  /** Tasks wait, and nobody leases them: why. */
  stuck: string | undefined;
}

/** What all queues have together. */
export interface TotalLoad {
  queued: number;
  running: number;
  /** Of the runners that lease. */
  capacity: number;
  runners: number;
  draining: number;
  /** When the oldest that waits became ready; undefined when none waits. */
  oldestMs: number | undefined;
}

/** The load of each queue: those with a backlog first, the largest before all. */
export function queueLoads(queues: readonly QueueStats[], runners: readonly Runner[]): QueueLoad[] {
  return queues
    .map((stats) => {
      const serving = runners.filter((runner) => runner.queues.includes(stats.queue));
      const leasing = serving.filter(({ state }) => state === RunnerState.ACTIVE);
      const capacity = leasing.reduce((sum, runner) => sum + runner.capacity, 0);
      return { stats, capacity, stuck: stats.queued > 0n ? whyStuck(serving.length, leasing.length) : undefined };
    })
    .sort(
      (a, b) =>
        Number(b.stuck !== undefined) - Number(a.stuck !== undefined) ||
        Number(b.stats.queued - a.stats.queued) ||
        (a.stats.queue < b.stats.queue ? -1 : 1),
    );
}

function whyStuck(serving: number, leasing: number): string | undefined {
  if (serving === 0) return "no runner serves it";
  return leasing === 0 ? "its runners are draining" : undefined;
}

export function totalLoad(queues: readonly QueueStats[], runners: readonly Runner[]): TotalLoad {
  const oldest = queues.map(({ oldestQueuedAt }) => timestampMs(oldestQueuedAt)).filter((ms) => ms !== undefined);
  const leasing = runners.filter(({ state }) => state === RunnerState.ACTIVE);
  return {
    queued: queues.reduce((sum, { queued }) => sum + Number(queued), 0),
    running: queues.reduce((sum, { running }) => sum + Number(running), 0),
    capacity: leasing.reduce((sum, { capacity }) => sum + capacity, 0),
    runners: leasing.length,
    draining: runners.filter(({ state }) => state === RunnerState.DRAINING).length,
    oldestMs: oldest.length > 0 ? Math.min(...oldest) : undefined,
  };
}
