import { failedFiring, missedFiring, timedFiring } from "../engine/trigger/fired-job.ts";
import { MAX_WEIGHT } from "../engine/trigger/firing-batches.ts";
import { planFirings } from "../engine/trigger/schedule-plan.ts";
import type { DefinitionRecord, NewFiring, ScheduleFirings } from "../store/trigger-store.ts";
import type { DecodedSchedule } from "./decoded-schedules.ts";

/** What a schedule that is due is to fire. */
export interface PlannedSchedule extends ScheduleFirings {
  /** What its jobs cost a store; at least 1. */
  weight: number;
  /** When each of its times was to fire, jitter included; of those that are fired now. */
  fireAtUs: readonly number[];
}

/** Most times of one schedule in one transaction. */
const MAX_TIMES = 100;
/** A schedule that cannot be read is looked at again so often: a server that can may come, or somebody who mends it. */
const UNREADABLE_US = 60_000_000;

/**
 * What becomes of a schedule that is due.
 *
 * `wallUs` is the time of day, `nowUs` the time that deadlines of jobs count from.
 */
export function planSchedule(
  record: DefinitionRecord,
  decoded: DecodedSchedule,
  { wallUs, nowUs }: { wallUs: number; nowUs: number },
): PlannedSchedule {
  const { id, revision, nextAtUs: fromUs = wallUs } = record;
  const lastTimeUs = record.lastAtUs ?? record.createdAtUs;
  if (decoded.kind === "none") {
    const advance = { revision, fromUs, nextAtUs: wallUs + UNREADABLE_US, lastAtUs: lastTimeUs };
    return { scheduleId: id, advance, firings: [failedFiring(id, wallUs, decoded.error)], weight: 1, fireAtUs: [] };
  }
  const weight = decoded.kind === "whole" ? decoded.definition.template.weight : 1;
  const limit = Math.max(1, Math.min(MAX_TIMES, Math.floor(MAX_WEIGHT / weight)));
  const times = decoded.kind === "whole" ? decoded.definition : decoded.times;
  const plan = planFirings({ ...times, scheduleId: id, lastTimeUs, nowUs: wallUs, limit });
  const firings: NewFiring[] = plan.missed ? [missedFiring(id, plan.missed.firstUs, plan.missed.count)] : [];
  for (const { timeUs } of plan.due) {
    firings.push(
      decoded.kind === "whole"
        ? timedFiring({ id, definition: decoded.definition }, timeUs, nowUs)
        : failedFiring(id, timeUs, decoded.error),
    );
  }
  return {
    scheduleId: id,
    advance: { revision, fromUs, nextAtUs: plan.nextAtUs, lastAtUs: plan.lastTimeUs },
    firings,
    weight: Math.max(1, weight * plan.due.length),
    fireAtUs: plan.due.map(({ fireAtUs }) => fireAtUs),
  };
}
