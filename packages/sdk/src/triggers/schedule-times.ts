import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  CronTimesSchema,
  durationFromMs,
  IntervalTimesSchema,
  msFromDuration,
  type ScheduleSpec,
  ScheduleSpecSchema,
  SpanloomError,
} from "@spanloom/protocol";
import { dateOf, timestampOf } from "../date-of.ts";
import { type DurationValue, durationMs } from "../duration.ts";

/** When a schedule fires: by the calendar, every so often, or once. */
export type ScheduleTimes = (CalendarTimes | RepeatedTimes | SingleTime) & {
  /** Each time is put off by as much as this, always by the same for one time, never past the next one. At most 1 day. */
  jitter?: DurationValue;
};

/** Times by the calendar of a zone. */
export interface CalendarTimes {
  /** Five fields (minute, hour, day of month, month, day of week), six with seconds before them, or `@daily` and its like. */
  cron: string;
  /** IANA name, e.g. `Europe/Berlin`. Default UTC. */
  timeZone?: string;
  every?: never;
  anchor?: never;
  at?: never;
}

/** Times equally far apart in real time. */
export interface RepeatedTimes {
  /** How far, 1 s..366 days. */
  every: DurationValue;
  /** One of the times. Default: the Unix epoch. */
  anchor?: Date;
  cron?: never;
  timeZone?: never;
  at?: never;
}

/** One time. */
export interface SingleTime {
  /** The time. */
  at: Date;
  cron?: never;
  timeZone?: never;
  every?: never;
  anchor?: never;
}

/** When a schedule fires, as the server has it. */
export type ScheduleTimesSnapshot =
  | { cron: string; timeZone: string }
  | { everyMs: number; anchor?: Date }
  | { at: Date }
  // A kind of a newer server.
  | Record<never, never>;

/** Times as they travel. Errors: INVALID_FIELD naming the field; `owner` starts the message. */
export function toScheduleSpec(times: ScheduleTimes, owner: string): ScheduleSpec {
  const { jitter } = times;
  return create(ScheduleSpecSchema, {
    times: kindOf(times, owner),
    ...(jitter !== undefined && { jitter: durationFromMs(durationMs(jitter, { owner, field: "jitter" })) }),
  });
}

/** A timestamp of a valid Date. Errors: INVALID_FIELD. */
export function toValidTimestamp(date: Date, { owner, field }: { owner: string; field: string }): Timestamp {
  if (date instanceof Date && !Number.isNaN(date.getTime())) return timestampOf(date)!;
  throw new SpanloomError("INVALID_FIELD", `${owner}: ${field} is ${String(date)}, must be a valid Date`, { field });
}

/** Times of the protocol as a plain object. */
export function toScheduleTimesSnapshot(spec: ScheduleSpec | undefined): ScheduleTimesSnapshot {
  const times = spec?.times;
  if (times?.case === "cron") return { cron: times.value.expression, timeZone: times.value.timeZone || "UTC" };
  if (times?.case === "once") return { at: dateOf(times.value)! };
  if (times?.case !== "interval") return {};
  const { every, anchor } = times.value;
  return { everyMs: every ? msFromDuration(every) : 0, ...(anchor && { anchor: dateOf(anchor)! }) };
}

function kindOf(times: ScheduleTimes, owner: string): ScheduleSpec["times"] {
  const kinds = (["cron", "every", "at"] as const).filter((kind) => times[kind] !== undefined);
  if (kinds.length !== 1) {
    const given = kinds.length === 0 ? "none of cron, every and at is given" : `${kinds.join(" and ")} are given`;
    throw new SpanloomError("INVALID_FIELD", `${owner}: ${given}, must be one`, { field: kinds[0] ?? "cron" });
  }
  const { cron, timeZone, every, anchor, at } = times;
  refuseStray(timeZone !== undefined && cron === undefined, { owner, field: "timeZone", kind: "cron" });
  refuseStray(anchor !== undefined && every === undefined, { owner, field: "anchor", kind: "every" });
  if (cron !== undefined)
    return { case: "cron", value: create(CronTimesSchema, { expression: cron, timeZone: timeZone ?? "" }) };
  if (at !== undefined) return { case: "once", value: toValidTimestamp(at, { owner, field: "at" }) };
  const interval = {
    every: durationFromMs(durationMs(every!, { owner, field: "every" })),
    ...(anchor && { anchor: toValidTimestamp(anchor, { owner, field: "anchor" }) }),
  };
  return { case: "interval", value: create(IntervalTimesSchema, interval) };
}

function refuseStray(isStray: boolean, { owner, field, kind }: { owner: string; field: string; kind: string }): void {
  if (!isStray) return;
  const message = `${owner}: ${field} is given without ${kind}, to which alone it belongs`;
  throw new SpanloomError("INVALID_FIELD", message, { field });
}
