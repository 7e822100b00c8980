import type { Distribution } from "@spanloom/metrics";
import type { FiringOutcomeName, TriggerStore } from "../store/trigger-store.ts";
import type { ServerMetricSet } from "./server-metrics.ts";

/** What is counted of schedules and triggers. */
export interface TriggerCounts {
  readonly scheduleFirings: Readonly<Record<FiringOutcomeName, number>>;
  readonly scheduleDelay: Distribution;
  readonly eventFirings: Readonly<Record<FiringOutcomeName, number>>;
  readonly matchedEvents: number;
  readonly matchErrors: number;
  readonly runaways: number;
  readonly matching: Distribution;
  readonly failures: number;
}

/** What is asked when metrics are. */
export interface TriggerSources {
  triggers: Pick<TriggerStore, "nextScheduleUs" | "eventBacklog"> | undefined;
  /** The time that schedules follow. */
  wallNowUs: () => number;
  /** The time that events are received by. */
  nowUs: () => number;
}

/** Times of schedules have all; an event is never missed. */
const outcomes = ["submitted", "skipped", "missed", "failed"] as const satisfies readonly FiringOutcomeName[];

/** Shows what schedules and triggers fired, and whether they are late. */
export function observeTriggers(set: ServerMetricSet, counts: TriggerCounts, sources: TriggerSources): void {
  const { triggers, wallNowUs } = sources;
  let nextUs: number | undefined;
  set.beforehand(async () => {
    nextUs = await triggers?.nextScheduleUs();
  });
  set.observe("spanloom.schedule.firings", (observe) => {
    for (const outcome of outcomes) observe(counts.scheduleFirings[outcome], { "spanloom.outcome": outcome });
  });
  set.show("spanloom.schedule.delay", counts.scheduleDelay);
  set.observe("spanloom.schedule.lag", (observe) =>
    observe(nextUs === undefined ? 0 : Math.max(0, wallNowUs() - nextUs) / 1e6),
  );
  set.observe("spanloom.trigger.failures", (observe) => observe(counts.failures));
  observeEvents(set, counts, sources);
}

function observeEvents(set: ServerMetricSet, counts: TriggerCounts, { triggers, nowUs }: TriggerSources): void {
  let waiting: Awaited<ReturnType<TriggerStore["eventBacklog"]>> = { count: 0, oldestUs: undefined };
  set.beforehand(async () => {
    if (triggers) waiting = await triggers.eventBacklog();
  });
  set.observe("spanloom.trigger.firings", (observe) => {
    for (const outcome of ["submitted", "skipped", "failed"] as const)
      observe(counts.eventFirings[outcome], { "spanloom.outcome": outcome });
  });
  set.observe("spanloom.trigger.errors", (observe) => observe(counts.matchErrors));
  set.observe("spanloom.trigger.runaways", (observe) => observe(counts.runaways));
  set.observe("spanloom.event.matched", (observe) => observe(counts.matchedEvents));
  set.show("spanloom.event.matching", counts.matching);
  set.observe("spanloom.event.backlog", (observe) => observe(waiting.count));
  set.observe("spanloom.event.backlog.age", (observe) =>
    observe(waiting.oldestUs === undefined ? 0 : Math.max(0, nowUs() - waiting.oldestUs) / 1e6),
  );
}
