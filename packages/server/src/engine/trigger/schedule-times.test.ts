import { SpanloomError } from "@spanloom/protocol";
import { expect, test } from "vitest";
import { nextTime, parseSchedule, type ScheduleSpec, timesBetween } from "./schedule-times.ts";

const us = (iso: string): number => Date.parse(`${iso}Z`) * 1000;
const iso = (timeUs: number): string => new Date(timeUs / 1000).toISOString().slice(0, 19);

function cron(expression: string, timeZone = ""): ScheduleSpec {
  return parseSchedule({ kind: "cron", expression, timeZone });
}

/** Next times in UTC, one after the other. */
function nextTimes(spec: ScheduleSpec, after: string, count: number): string[] {
  const times: string[] = [];
  for (let timeUs = nextTime(spec, us(after)); timeUs !== undefined && times.length < count; ) {
    times.push(iso(timeUs));
    timeUs = nextTime(spec, timeUs);
  }
  return times;
}

/** Hard dates: name, expression, zone, after, and the times that follow, all in UTC. */
const HARD_DATES: readonly (readonly [string, string, string, string, ...string[]])[] = [
  // Central Europe: 02:00 to 03:00 left out on 30 March 2025, twice on 26 October 2025.
  [
    "a fixed time in Berlin's gap is the first second after it",
    "30 2 * * *",
    "Europe/Berlin",
    "2025-03-29T12:00:00",
    "2025-03-30T01:00:00",
    "2025-03-31T00:30:00",
  ],
  [
    "each fixed hour of a list keeps its run on the day of Berlin's gap",
    "30 2,14 * * *",
    "Europe/Berlin",
    "2025-03-29T20:00:00",
    "2025-03-30T01:00:00",
    "2025-03-30T12:30:00",
    "2025-03-31T00:30:00",
  ],
  [
    "two fixed times in one gap are one run",
    "15,45 2 * * *",
    "Europe/Berlin",
    "2025-03-29T20:00:00",
    "2025-03-30T01:00:00",
    "2025-03-31T00:15:00",
  ],
  [
    "a step skips Berlin's gap",
    "*/30 * * * *",
    "Europe/Berlin",
    "2025-03-30T00:15:00",
    "2025-03-30T00:30:00",
    "2025-03-30T01:00:00",
    "2025-03-30T01:30:00",
  ],
  [
    "a fixed time in Berlin's fold is its first occurrence only",
    "30 2 * * *",
    "Europe/Berlin",
    "2025-10-25T12:00:00",
    "2025-10-26T00:30:00",
    "2025-10-27T01:30:00",
  ],
  [
    "a step fires in both hours of Berlin's fold",
    "*/30 * * * *",
    "Europe/Berlin",
    "2025-10-25T23:45:00",
    "2025-10-26T00:00:00",
    "2025-10-26T00:30:00",
    "2025-10-26T01:00:00",
    "2025-10-26T01:30:00",
    "2025-10-26T02:00:00",
  ],
  // New York: 02:00 to 03:00 left out on 9 March 2025, 01:00 to 02:00 twice on 2 November 2025.
  [
    "a fixed time in New York's gap is the first second after it",
    "0 0 2 * * *",
    "America/New_York",
    "2025-03-08T12:00:00",
    "2025-03-09T07:00:00",
    "2025-03-10T06:00:00",
  ],
  [
    "a fixed time in New York's fold is its first occurrence only",
    "59 1 * * *",
    "America/New_York",
    "2025-11-01T12:00:00",
    "2025-11-02T05:59:00",
    "2025-11-03T06:59:00",
  ],
  [
    "every hour is 25 times on the day of New York's fold",
    "0 * 2 11 *",
    "America/New_York",
    "2025-11-02T04:30:00",
    "2025-11-02T05:00:00",
    "2025-11-02T06:00:00",
    "2025-11-02T07:00:00",
  ],
  // Santiago changes at midnight: 00:00 to 01:00 left out on 7 September 2025, 23:00 to 24:00 twice on 5 April 2025.
  [
    "a midnight that Santiago leaves out is one o'clock",
    "@daily",
    "America/Santiago",
    "2025-09-06T12:00:00",
    "2025-09-07T04:00:00",
    "2025-09-08T03:00:00",
  ],
  [
    "half past eleven fires once in the night that Santiago has it twice",
    "30 23 * * *",
    "America/Santiago",
    "2025-04-05T12:00:00",
    "2025-04-06T02:30:00",
    "2025-04-07T03:30:00",
  ],
  // Lord Howe changes by 30 minutes: 02:00 to 02:30 left out on 5 October 2025, 01:30 to 02:00 twice on 6 April 2025.
  [
    "a fixed time in Lord Howe's gap of half an hour is its end",
    "15 2 * * *",
    "Australia/Lord_Howe",
    "2025-10-04T00:00:00",
    "2025-10-04T15:30:00",
    "2025-10-05T15:15:00",
  ],
  [
    "a step fires in both half hours of Lord Howe's fold",
    "*/15 * * * *",
    "Australia/Lord_Howe",
    "2025-04-05T14:20:00",
    "2025-04-05T14:30:00",
    "2025-04-05T14:45:00",
    "2025-04-05T15:00:00",
    "2025-04-05T15:15:00",
    "2025-04-05T15:30:00",
  ],
  // Casablanca leaves its +01 for Ramadan: 02:00 to 03:00 twice on 23 February 2025, left out on 6 April 2025.
  [
    "Casablanca's clock goes back in February",
    "30 2 * * *",
    "Africa/Casablanca",
    "2025-02-22T12:00:00",
    "2025-02-23T01:30:00",
    "2025-02-24T02:30:00",
  ],
  [
    "Casablanca's clock goes forward in April",
    "30 2 * * *",
    "Africa/Casablanca",
    "2025-04-05T12:00:00",
    "2025-04-06T02:00:00",
    "2025-04-07T01:30:00",
  ],
  // Cairo leaves out midnight to one on 25 April 2025, and has 23:00 to 24:00 twice on 30 October 2025.
  [
    "a midnight that Cairo leaves out is one o'clock",
    "0 0 * * 5",
    "Africa/Cairo",
    "2025-04-24T12:00:00",
    "2025-04-24T22:00:00",
    "2025-05-01T21:00:00",
  ],
  [
    "every half hour of Cairo's longest night",
    "0,30 * * * *",
    "Africa/Cairo",
    "2025-10-30T19:45:00",
    "2025-10-30T20:00:00",
    "2025-10-30T20:30:00",
    "2025-10-30T21:00:00",
    "2025-10-30T21:30:00",
    "2025-10-30T22:00:00",
  ],
  // Apia had no 30 December 2011.
  [
    "the noon of the day that Apia left out is the next day's first second",
    "0 12 * * *",
    "Pacific/Apia",
    "2011-12-29T00:00:00",
    "2011-12-29T22:00:00",
    "2011-12-30T10:00:00",
    "2011-12-30T22:00:00",
  ],
  // Nuuk's clocks go from 23:00 to 0:00 on 29 March 2025, Pyongyang's went from 23:30 to 0:00 for good.
  [
    "half past eleven that Nuuk leaves out is midnight",
    "30 23 * * *",
    "America/Nuuk",
    "2025-03-29T12:00:00",
    "2025-03-30T01:00:00",
    "2025-03-31T00:30:00",
  ],
  ["Kathmandu is 5:45 ahead", "0 0 * * *", "Asia/Kathmandu", "2025-01-01T00:00:00", "2025-01-01T18:15:00"],
  [
    "Pyongyang's gap of 2018 at 23:30",
    "45 23 * * *",
    "Asia/Pyongyang",
    "2018-05-04T00:00:00",
    "2018-05-04T15:00:00",
    "2018-05-05T14:45:00",
  ],
  // The calendar.
  [
    "29 February comes in leap years",
    "0 0 29 2 *",
    "",
    "2023-01-01T00:00:00",
    "2024-02-29T00:00:00",
    "2028-02-29T00:00:00",
  ],
  ["2100 is no leap year", "0 0 29 2 *", "", "2096-03-01T00:00:00", "2104-02-29T00:00:00"],
  [
    "the 31st skips shorter months",
    "0 0 31 * *",
    "",
    "2025-03-31T00:00:00",
    "2025-05-31T00:00:00",
    "2025-07-31T00:00:00",
  ],
  [
    "L is the last day of the month",
    "0 0 L * *",
    "",
    "2024-01-15T00:00:00",
    "2024-01-31T00:00:00",
    "2024-02-29T00:00:00",
    "2024-03-31T00:00:00",
  ],
  ["5#L is the last Friday", "0 0 * * 5#L", "", "2025-01-01T00:00:00", "2025-01-31T00:00:00", "2025-02-28T00:00:00"],
  ["5#2 is the second Friday", "0 0 * * 5#2", "", "2025-01-01T00:00:00", "2025-01-10T00:00:00", "2025-02-14T00:00:00"],
  ["15W is the weekday nearest to the 15th", "0 0 15W * *", "", "2025-02-01T00:00:00", "2025-02-14T00:00:00"],
  ["day 0 of the week is Sunday", "0 0 * * 0", "", "2025-01-01T00:00:00", "2025-01-05T00:00:00"],
  ["day 7 of the week is Sunday", "0 0 * * 7", "", "2025-01-01T00:00:00", "2025-01-05T00:00:00"],
  ["SUN is Sunday", "0 0 * * SUN", "", "2025-01-01T00:00:00", "2025-01-05T00:00:00"],
  [
    "two restricted days: either suffices",
    "0 0 13 * 5",
    "",
    "2024-09-01T00:00:00",
    "2024-09-06T00:00:00",
    "2024-09-13T00:00:00",
    "2024-09-20T00:00:00",
  ],
  [
    "two restricted days with +: both",
    "0 0 13 * +5",
    "",
    "2024-09-01T00:00:00",
    "2024-09-13T00:00:00",
    "2024-12-13T00:00:00",
  ],
  ["@hourly", "@hourly", "", "2025-12-31T23:00:00", "2026-01-01T00:00:00", "2026-01-01T01:00:00"],
  ["@yearly", "@yearly", "Asia/Tokyo", "2025-06-01T00:00:00", "2025-12-31T15:00:00", "2026-12-31T15:00:00"],
  [
    "six fields have seconds first",
    "10,50 59 23 31 12 *",
    "",
    "2025-12-31T23:59:10",
    "2025-12-31T23:59:50",
    "2026-12-31T23:59:10",
  ],
];

const hardDates = HARD_DATES.map(([name, expression, timeZone, after, ...times]) => ({
  name,
  spec: { kind: "cron" as const, expression, timeZone },
  after,
  times,
}));

test.each(hardDates)("$name", ({ spec, after, times }) => {
  expect(nextTimes(parseSchedule(spec), after, times.length)).toEqual(times);
});

test("every second of an hour that comes twice is a time of a pattern of every second", () => {
  const spec = cron("* * * * * *", "Europe/Vienna");
  const times = timesBetween(spec, us("2025-10-26T00:00:00"), us("2025-10-26T02:10:00"), 10_000);
  expect(times).toHaveLength(7_800);
  expect(times.every((timeUs, index) => timeUs === us("2025-10-26T00:00:00") + index * 1_000_000)).toBe(true);
});

test("an interval is absolute time, also where clocks change", () => {
  const spec = parseSchedule({ kind: "interval", everyUs: 3_600_000_000, anchorUs: us("1970-01-01T00:20:00") });
  expect(nextTimes(spec, "2025-10-26T00:20:00", 3)).toEqual([
    "2025-10-26T01:20:00",
    "2025-10-26T02:20:00",
    "2025-10-26T03:20:00",
  ]);
});

test("an interval has times before its anchor, too", () => {
  const spec = parseSchedule({ kind: "interval", everyUs: 60_000_000, anchorUs: us("2025-01-01T00:00:07") });
  expect(nextTimes(spec, "2024-12-31T23:58:00", 3)).toEqual([
    "2024-12-31T23:58:07",
    "2024-12-31T23:59:07",
    "2025-01-01T00:00:07",
  ]);
});

test("an interval of no round length is exact after a century", () => {
  const everyUs = 1_234_567;
  const spec = parseSchedule({ kind: "interval", everyUs, anchorUs: 11 });
  const next = nextTime(spec, us("2199-12-31T00:00:00")) ?? 0;
  expect((next - 11) % everyUs).toBe(0);
  expect(next - us("2199-12-31T00:00:00")).toBeGreaterThan(0);
  expect(next - us("2199-12-31T00:00:00")).toBeLessThanOrEqual(everyUs);
});

test("a one-off time comes once", () => {
  const spec = parseSchedule({ kind: "once", atUs: us("2025-01-01T00:00:00") + 5 });
  expect(nextTime(spec, us("2025-01-01T00:00:00"))).toBe(us("2025-01-01T00:00:00") + 5);
  expect(nextTime(spec, us("2025-01-01T00:00:00") + 5)).toBeUndefined();
});

test("the next time is after a moment between two seconds, never before it", () => {
  expect(iso(nextTime(cron("* * * * * *"), us("2025-01-01T00:00:00") + 999_999) ?? 0)).toBe("2025-01-01T00:00:01");
  expect(iso(nextTime(cron("* * * * * *"), us("2025-01-01T00:00:01") - 1) ?? 0)).toBe("2025-01-01T00:00:01");
});

test("times between two moments have the first and not the last, and stop at the limit", () => {
  const spec = cron("0 * * * *");
  const [from, to] = [us("2025-01-01T01:00:00"), us("2025-01-01T04:00:00")];
  expect(timesBetween(spec, from, to, 10).map(iso)).toEqual([
    "2025-01-01T01:00:00",
    "2025-01-01T02:00:00",
    "2025-01-01T03:00:00",
  ]);
  expect(timesBetween(spec, from, to, 2)).toHaveLength(2);
  expect(timesBetween(spec, to, from, 2)).toEqual([]);
});

test("no time is later than 2199", () => {
  expect(nextTime(cron("@yearly"), us("2199-06-01T00:00:00"))).toBeUndefined();
  expect(nextTime({ kind: "interval", everyUs: 1e9, anchorUs: 0 }, us("2199-12-31T23:59:59"))).toBeUndefined();
});

test("spaces and the zone's absence are told apart from what a schedule means", () => {
  expect(cron("  0\t12 * *   1 ")).toEqual({ kind: "cron", expression: "0 12 * * 1", timeZone: "UTC" });
});

const REFUSED: readonly (readonly [ScheduleSpec, string, string])[] = [
  [cronSpec("0 0 31 2 *"), "spec.cron.expression", 'is "0 0 31 2 *": no date ever matches it'],
  [cronSpec("0 0 30 2 +MON"), "spec.cron.expression", "no date ever matches it"],
  [cronSpec(""), "spec.cron.expression", 'is "": it has 0 fields, allowed 5 or 6'],
  [cronSpec("* * * *"), "spec.cron.expression", "it has 4 fields, allowed 5 or 6"],
  [cronSpec("* * * * * * 2030"), "spec.cron.expression", "it has 7 fields, allowed 5 or 6"],
  [cronSpec("2030-01-01T00:00:00"), "spec.cron.expression", "it has 1 fields, allowed 5 or 6"],
  [cronSpec("60 * * * *"), "spec.cron.expression", 'is "60 * * * *": Invalid value for minute: 60'],
  [cronSpec("* * * * 8"), "spec.cron.expression", 'is "* * * * 8": Invalid value for dayOfWeek: 8'],
  [cronSpec("*/0 * * * *"), "spec.cron.expression", "illegal stepping: 0"],
  [cronSpec("a b c d e"), "spec.cron.expression", "illegal characters"],
  [cronSpec("@reboot"), "spec.cron.expression", 'is "@reboot", allowed @yearly'],
  [cronSpec("@constructor"), "spec.cron.expression", 'is "@constructor", allowed @yearly'],
  [cronSpec(`${"0,".repeat(200)}0 * * * *`), "spec.cron.expression", "has 409 characters, limit 256"],
  [cronSpec("* * * * *", "Mars/Base"), "spec.cron.time_zone", 'is "Mars/Base", which is no IANA time zone'],
  [
    { kind: "interval", everyUs: 999_999, anchorUs: 0 },
    "spec.interval.every",
    "is 999999, allowed 1000000..31622400000000",
  ],
  [{ kind: "interval", everyUs: 1e18, anchorUs: 0 }, "spec.interval.every", "allowed 1000000..31622400000000"],
  [{ kind: "interval", everyUs: 1e6 + 0.5, anchorUs: 0 }, "spec.interval.every", "is 1000000.5 us, not a whole number"],
  [{ kind: "interval", everyUs: 1e6, anchorUs: -1 }, "spec.interval.anchor", "is -1, allowed 0.."],
  [{ kind: "once", atUs: Number.NaN }, "spec.once", "is NaN us, not a whole number"],
  [{ kind: "once", atUs: 8e15 }, "spec.once", "is 8000000000000000, allowed 0.."],
];

function cronSpec(expression: string, timeZone = "UTC"): ScheduleSpec {
  return { kind: "cron", expression, timeZone };
}

test.each(REFUSED)("%j is refused by name", (spec, field, problem) => {
  const error = refusal(() => parseSchedule(spec));
  expect(error.reason).toBe("INVALID_FIELD");
  expect(error.facts.field).toBe(field);
  expect(error.message).toContain(`${field} `);
  expect(error.message).toContain(problem);
});

function refusal(run: () => unknown): SpanloomError {
  try {
    run();
  } catch (error) {
    if (error instanceof SpanloomError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}
