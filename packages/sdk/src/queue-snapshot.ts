import type { QueueStats } from "@spanloom/protocol";
import { dateOf } from "./date-of.ts";

/** The backlog of a queue as it stood when the server answered: what an autoscaler needs. */
export interface QueueSnapshot {
  /** The queue. */
  queue: string;
  /** Tasks that may be leased. */
  queued: number;
  /** Those of `queued` that wait for a place under a concurrency key or for the next window of a rate limit. */
  throttled: number;
  /** Tasks that wait for a time. */
  scheduled: number;
  /** Tasks held by attempts. */
  running: number;
  /** Runners that serve it. */
  runners: number;
  /** When the oldest queued task became ready; undefined when none is. */
  oldestQueuedAt?: Date;
}

/** Statistics of the protocol as a plain object. */
export function toQueueSnapshot(stats: QueueStats): QueueSnapshot {
  const oldestQueuedAt = dateOf(stats.oldestQueuedAt);
  return {
    queue: stats.queue,
    queued: Number(stats.queued),
    throttled: Number(stats.throttled),
    scheduled: Number(stats.scheduled),
    running: Number(stats.running),
    runners: Number(stats.runners),
    ...(oldestQueuedAt && { oldestQueuedAt }),
  };
}
