import { performance } from "node:perf_hooks";
import { EventMatcher } from "./matching/event-matcher.ts";
import type { ServerParts } from "./serve.ts";
import { EventLoop } from "./triggers/event-loop.ts";
import { ScheduleLoop } from "./triggers/schedule-loop.ts";
import { TidyLoop } from "./triggers/tidy-loop.ts";
import { TriggerStats } from "./triggers/trigger-stats.ts";

const DEFAULT_EVENT_RETENTION_DAYS = 7;

/** Starts what submits jobs without a person, when the store keeps it, and tells what that counts. */
export function startTriggers(parts: ServerParts, undo: (() => Promise<void> | void)[]): TriggerStats {
  const { store, clock, log, limits, eventRetentionDays = DEFAULT_EVENT_RETENTION_DAYS } = parts;
  const { triggers } = store;
  const { wallNowUs = () => clock.nowUs(), busyUs = () => performance.eventLoopUtilization().active * 1000 } = parts;
  const stats = new TriggerStats();
  if (!triggers) return stats;
  const tracer = parts.selfTracing?.tracer;
  const schedules = new ScheduleLoop({
    triggers,
    store,
    clock,
    wallNowUs,
    busyUs,
    limits,
    stats,
    random: Math.random,
    log,
    tracer,
  });
  const matcher = new EventMatcher({ maxInputBytes: limits.maxInputBytes, clock });
  const events = new EventLoop({ triggers, store, matcher, clock, limits, stats, random: Math.random, log });
  const tidy = new TidyLoop({ triggers, clock, eventRetentionDays, stats, log });
  schedules.start();
  undo.push(() => schedules.stop());
  events.start();
  // What is being matched fails when the matcher stops, and is matched by the next server.
  undo.push(() => Promise.all([matcher.stop(), events.stop()]).then(() => {}));
  tidy.start();
  undo.push(() => tidy.stop());
  return stats;
}
