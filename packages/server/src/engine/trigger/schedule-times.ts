import { boundedNumber, invalidField } from "../field.ts";
import { checkCron, nextCronSecond } from "./cron-pattern.ts";

/** When a schedule fires. */
export type ScheduleSpec = CronSpec | IntervalSpec | OnceSpec;

/**
 * By the clock and calendar of a place.
 *
 * Five fields (minute, hour, day of month, month, day of week), six with seconds before them, or `@yearly`, `@monthly`,
 * `@weekly`, `@daily`, `@hourly`. Days of the week are 0 to 7, Sunday is both 0 and 7. When both days are restricted, either
 * suffices; `+` before the day of week asks for both. `L` is the last day of a month, `5#L` its last Friday, `5#2` its
 * second, `15W` the weekday nearest to the 15th.
 */
export interface CronSpec {
  kind: "cron";
  expression: string;
  /** IANA name; empty for UTC. */
  timeZone: string;
}

/** Every so often in absolute time, whatever clocks do: the anchor and every multiple of `everyUs` before and after it. */
export interface IntervalSpec {
  kind: "interval";
  everyUs: number;
  anchorUs: number;
}

/** One time only. */
export interface OnceSpec {
  kind: "once";
  atUs: number;
}

/** No schedule fires more often: once a second. */
const MIN_INTERVAL_US = 1_000_000;

/** A leap year. */
const MAX_INTERVAL_US = 366 * 86_400_000_000;

/** Times end with the year 2199, as every time of the protocol does. */
const END_US = Date.UTC(2200, 0, 1) * 1000;

/**
 * Checks when a schedule fires, and fills in defaults.
 *
 * Errors: INVALID_FIELD naming the field below `field` and quoting its value: a count of cron fields other than 5 or 6, a
 * field outside of its range, a pattern no date matches (31 February), an unknown zone, an interval below one second or
 * above 366 days, a time outside of 1970 to 2199.
 */
export function parseSchedule(spec: ScheduleSpec, field = "spec"): ScheduleSpec {
  switch (spec.kind) {
    case "cron": {
      const expression = spec.expression.trim().split(/\s+/).join(" ");
      const timeZone = spec.timeZone || "UTC";
      checkCron(expression, timeZone, `${field}.cron`);
      return { kind: "cron", expression, timeZone };
    }
    case "interval": {
      const everyUs = wholeUs(`${field}.interval.every`, spec.everyUs, MIN_INTERVAL_US, MAX_INTERVAL_US);
      return { kind: "interval", everyUs, anchorUs: wholeUs(`${field}.interval.anchor`, spec.anchorUs, 0, END_US) };
    }
    case "once":
      return { kind: "once", atUs: wholeUs(`${field}.once`, spec.atUs, 0, END_US) };
  }
}

/**
 * The first time strictly after `afterUs`; undefined when there is none.
 *
 * Takes a spec as {@link parseSchedule} gives it. Right across changes of daylight-saving time: see
 * {@link nextCronSecond}. Units: epoch microseconds, whole.
 */
export function nextTime(spec: ScheduleSpec, afterUs: number): number | undefined {
  const next = nextTimeOf(spec, afterUs);
  return next !== undefined && next < END_US ? next : undefined;
}

/**
 * Times from `fromUs` to before `toUs`, oldest first, at most `limit`.
 *
 * Shape: 0..limit times; `limit` of them means that there may be more.
 */
export function timesBetween(spec: ScheduleSpec, fromUs: number, toUs: number, limit: number): number[] {
  const times: number[] = [];
  let next = nextTime(spec, fromUs - 1);
  while (next !== undefined && next < toUs && times.length < limit) {
    times.push(next);
    next = nextTime(spec, next);
  }
  return times;
}

function nextTimeOf(spec: ScheduleSpec, afterUs: number): number | undefined {
  switch (spec.kind) {
    case "cron": {
      const next = nextCronSecond(spec.expression, spec.timeZone, Math.floor(afterUs / 1_000_000));
      return next === undefined ? undefined : next * 1_000_000;
    }
    case "interval": {
      // The remainder of a division is exact where the quotient would be rounded.
      const since = (afterUs - spec.anchorUs) % spec.everyUs;
      return afterUs - since + (since < 0 ? 0 : spec.everyUs);
    }
    case "once":
      return spec.atUs > afterUs ? spec.atUs : undefined;
  }
}

function wholeUs(field: string, us: number, minUs: number, maxUs: number): number {
  if (!Number.isInteger(us)) throw invalidField(field, `is ${us} us, not a whole number`);
  return boundedNumber(field, us, minUs, maxUs);
}
