import { hash } from "node:crypto";
import { nextTime, type ScheduleSpec, timesBetween } from "./schedule-times.ts";

/**
 * How late a time may be and still count as on time, whatever the catch-up window.
 *
 * A server that is busy, restarts, or takes over from one that was killed must not lose times of a schedule whose catch-up
 * is off: a takeover is seen within some ten seconds, a restart with recovery takes less than a minute.
 */
export const ON_TIME_GRACE_US = 60_000_000;

/** Missed times are counted up to here: each takes a look at the calendar, of 3 to 60 microseconds. */
const MAX_COUNTED = 100;

/** A schedule and the moment at which it is looked at. */
export interface PlanInput {
  /** As parseSchedule gives it. */
  spec: ScheduleSpec;
  /** Hashed for jitter, so that schedules of the same times spread. */
  scheduleId: string;
  /** The last time that fired or was missed; for a new or resumed schedule the moment it was made or resumed. */
  lastTimeUs: number;
  nowUs: number;
  /** How far back missed times are made up for, beyond the grace. Default 0: not at all. */
  catchUpUs?: number;
  /** A time fires up to this much later, never as late as the next one. Default 0. */
  jitterUs?: number;
  /** At most so many times fire at once. */
  limit: number;
}

/** A time that fires. */
export interface PlannedFiring {
  /** The scheduled time. */
  timeUs: number;
  /** When it was to fire: the scheduled time with its jitter. */
  fireAtUs: number;
}

/** What becomes of a schedule now. */
export interface SchedulePlan {
  /** Times to fire now, oldest first, at most `limit`. */
  due: PlannedFiring[];
  /** Times too far back to fire; absent when there are none. */
  missed?: MissedTimes;
  /** What to pass as `lastTimeUs` the next time, once the firings are recorded; never less than it was. */
  lastTimeUs: number;
  /** When to look again: in the past when `limit` left times over, undefined when no time is left. */
  nextAtUs: number | undefined;
}

/** Times that were missed for good: from `firstUs` to before `untilUs`. */
export interface MissedTimes {
  firstUs: number;
  untilUs: number;
  /** How many, at least when `more`. */
  count: number;
  /** There are more than were counted. */
  more: boolean;
}

/**
 * Says which times of a schedule fire now, which were missed, and when to look again.
 *
 * A time fires when it and its jitter are over. It is missed when it lies further back than {@link ON_TIME_GRACE_US}, the
 * catch-up window and the most jitter together. Every time is decided once, in order: a clock set back brings none again,
 * the schedule waits until the clock has come past `lastTimeUs`; one set forward makes what lies between late, no more.
 *
 * Units: epoch microseconds.
 */
export function planFirings(input: PlanInput): SchedulePlan {
  const { spec, nowUs, limit } = input;
  const missed = missedTimes(input);
  const due: PlannedFiring[] = [];
  let lastTimeUs = missed ? missed.untilUs - 1 : input.lastTimeUs;
  let nextAtUs: number | undefined;
  for (let timeUs = nextTime(spec, lastTimeUs); timeUs !== undefined; timeUs = nextTime(spec, timeUs)) {
    const fireAtUs = fireTime(input, timeUs);
    if (fireAtUs > nowUs || due.length === limit) {
      nextAtUs = fireAtUs;
      break;
    }
    due.push({ timeUs, fireAtUs });
    lastTimeUs = timeUs;
  }
  return { due, ...(missed && { missed }), lastTimeUs, nextAtUs };
}

/** When a schedule fires first after `lastTimeUs`, jitter included; undefined when never. */
export function nextFireTime(
  input: Pick<PlanInput, "spec" | "scheduleId" | "lastTimeUs" | "jitterUs">,
): number | undefined {
  const timeUs = nextTime(input.spec, input.lastTimeUs);
  return timeUs === undefined ? undefined : fireTime(input, timeUs);
}

function missedTimes({ spec, lastTimeUs, nowUs, catchUpUs = 0, jitterUs = 0 }: PlanInput): MissedTimes | undefined {
  const untilUs = nowUs - ON_TIME_GRACE_US - catchUpUs - jitterUs;
  const [firstUs, ...others] = timesBetween(spec, lastTimeUs + 1, untilUs, MAX_COUNTED + 1);
  if (firstUs === undefined) return undefined;
  const count = Math.min(MAX_COUNTED, others.length + 1);
  return { firstUs, untilUs, count, more: others.length === MAX_COUNTED };
}

/** A time with its jitter: the same whenever it is asked for and on every server, and before the next time. */
function fireTime(
  { spec, scheduleId, jitterUs = 0 }: Pick<PlanInput, "spec" | "scheduleId" | "jitterUs">,
  timeUs: number,
): number {
  if (jitterUs === 0) return timeUs;
  const nextUs = nextTime(spec, timeUs) ?? Number.POSITIVE_INFINITY;
  const share = hash("sha256", `${scheduleId} ${timeUs}`, "buffer").readUInt32BE() / 2 ** 32;
  return timeUs + Math.floor(share * Math.min(jitterUs, nextUs - timeUs));
}
