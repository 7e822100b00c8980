import { msFromDuration, OverlapPolicy, type Schedule } from "@spanloom/protocol";
import { dateOf } from "../date-of.ts";
import { type DefinitionSnapshot, toDefinitionSnapshot } from "./definition-snapshot.ts";
import { type OverlapPolicyName, overlapPolicies } from "./schedule-options.ts";
import { type ScheduleTimesSnapshot, toScheduleTimesSnapshot } from "./schedule-times.ts";

/** A schedule as it stood when the server answered: plain data, nothing in it changes. */
export interface ScheduleSnapshot extends DefinitionSnapshot {
  /** When it fires. */
  times: ScheduleTimesSnapshot;
  /** By how much each time is put off at most. */
  jitterMs: number;
  /** What it does while an earlier job has not ended. */
  overlap: OverlapPolicyName;
  /** How far times may lie back that are fired late. */
  catchUpMs: number;
  /** Its next times, without jitter; none when it is paused or has no more. */
  nextTimes: Date[];
}

/** A schedule of the protocol as a plain object. */
export function toScheduleSnapshot(schedule: Schedule): ScheduleSnapshot {
  const { spec, catchUp, nextTimes } = schedule;
  return {
    ...toDefinitionSnapshot(schedule),
    times: toScheduleTimesSnapshot(spec),
    jitterMs: spec?.jitter ? msFromDuration(spec.jitter) : 0,
    overlap: overlapName(schedule.overlap),
    catchUpMs: catchUp ? msFromDuration(catchUp) : 0,
    nextTimes: nextTimes.map((time) => dateOf(time)!),
  };
}

function overlapName(policy: OverlapPolicy): OverlapPolicyName {
  if (policy === OverlapPolicy.UNSPECIFIED) return "skip";
  const name = (Object.keys(overlapPolicies) as OverlapPolicyName[]).find((known) => overlapPolicies[known] === policy);
  // A policy of a newer server.
  return name ?? (String(policy) as OverlapPolicyName);
}
