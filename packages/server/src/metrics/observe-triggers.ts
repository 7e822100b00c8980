import type { Distribution } from "@spanloom/metrics";
import type { FiringOutcomeName, TriggerStore } from "../store/trigger-store.ts";
import type { ServerMetricSet } from "./server-metrics.ts";

/** What is counted of schedules and triggers. */
export interface TriggerCounts {
  readonly scheduleFirings: Readonly<Record<FiringOutcomeName, number>>;
  readonly scheduleDelay: Distribution;
  readonly failures: number;
}

const outcomes = ["submitted", "skipped", "missed", "failed"] as const satisfies readonly FiringOutcomeName[];

/** Shows what schedules and triggers fired, and whether they are late; `wallNowUs` is the time that schedules follow. */
export function observeTriggers(
  set: ServerMetricSet,
  counts: TriggerCounts,
  { triggers, wallNowUs }: { triggers: Pick<TriggerStore, "nextScheduleUs"> | undefined; wallNowUs: () => number },
): void {
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
}
