import fc from "fast-check";
import { expect, test } from "vitest";
import { nextCronSecond } from "./cron-pattern.ts";

/** Days around changes of clocks: zone and a moment of the day of the change. */
const CHANGES = [
  ["Europe/Berlin", "2025-03-30T01:00:00Z"],
  ["Europe/Berlin", "2025-10-26T01:00:00Z"],
  ["America/New_York", "2025-11-02T06:00:00Z"],
  ["America/Santiago", "2025-09-07T04:00:00Z"],
  ["America/Santiago", "2025-04-06T03:00:00Z"],
  ["America/Nuuk", "2025-03-30T01:00:00Z"],
  ["Australia/Lord_Howe", "2025-04-05T15:00:00Z"],
  ["Australia/Lord_Howe", "2025-10-04T15:30:00Z"],
  ["Africa/Cairo", "2025-10-30T21:00:00Z"],
  ["Asia/Gaza", "2025-04-12T00:00:00Z"],
  ["America/Caracas", "2016-05-01T07:00:00Z"],
  ["Antarctica/Troll", "2025-03-30T01:00:00Z"],
] as const;

const DAY = 86_400;

/** What a pattern of minutes and hours is, and how it is written. */
interface Fields {
  minutes: Set<number>;
  hours: Set<number>;
  text: string;
  fixed: boolean;
}

const list = (max: number): fc.Arbitrary<{ values: number[]; text: string; fixed: boolean }> =>
  fc.oneof(
    fc
      .uniqueArray(fc.integer({ min: 0, max }), { minLength: 1, maxLength: 4 })
      .map((values) => ({ values, text: values.join(","), fixed: true })),
    fc.constantFrom(7, 15, 20, 30).map((step) => ({
      values: Array.from({ length: max + 1 }, (_, value) => value).filter((value) => value % step === 0),
      text: step > max ? "0" : `*/${step}`,
      fixed: step > max,
    })),
    fc.constant({ values: Array.from({ length: max + 1 }, (_, value) => value), text: "*", fixed: false }),
  );

const fields: fc.Arbitrary<Fields> = fc.tuple(list(59), list(23)).map(([minute, hour]) => ({
  minutes: new Set(minute.values),
  hours: new Set(hour.values),
  text: `${minute.text} ${hour.text} * * *`,
  fixed: minute.fixed && hour.fixed,
}));

/** Every minute of two days as a zone's clocks show it, seconds since the epoch by a reckoning without offsets. */
function clockMinutes(timeZone: string, from: number): { at: number; shown: number }[] {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  return Array.from({ length: (2 * DAY) / 60 }, (_, index) => {
    const at = from + index * 60;
    return { at, shown: Date.parse(`${format.format(at * 1000).replace(" ", "T")}Z`) / 1000 };
  });
}

/** Times by the rules as they are told, minute by minute. */
function timesByTheClock({ minutes, hours, fixed }: Fields, clock: readonly { at: number; shown: number }[]): number[] {
  const matches = (shown: number): boolean =>
    minutes.has(Math.floor(shown / 60) % 60) && hours.has(Math.floor(shown / 3_600) % 24);
  const times: number[] = [];
  let latestShown = Number.NEGATIVE_INFINITY;
  for (const [index, { at, shown }] of clock.entries()) {
    const leftOut = index > 0 ? (shown - (clock[index - 1]?.shown ?? 0)) / 60 - 1 : 0;
    const madeUp = Array.from({ length: Math.max(0, leftOut) }, (_, minute) => shown - 60 * (minute + 1)).some(matches);
    const first = shown > latestShown;
    if ((matches(shown) && (first || !fixed)) || (fixed && madeUp)) times.push(at);
    latestShown = Math.max(latestShown, shown);
  }
  return times;
}

test.each(CHANGES)("around a change of %s every time is as a walk by its clock finds it (%s)", (timeZone, change) => {
  const from = Math.floor(Date.parse(change) / 1000 / DAY) * DAY - DAY / 2;
  const clock = clockMinutes(timeZone, from);
  expect(new Set(clock.map(({ at, shown }) => shown - at)).size).toBe(2);
  fc.assert(
    fc.property(fields, (pattern) => {
      const times: number[] = [];
      let next = nextCronSecond(pattern.text, timeZone, from - 1);
      while (next !== undefined && next < from + 2 * DAY) {
        times.push(next);
        next = nextCronSecond(pattern.text, timeZone, next);
      }
      expect(times).toEqual(timesByTheClock(pattern, clock));
    }),
    { numRuns: 60 },
  );
});

test("the next time is the same from every second before it", () => {
  const change = Date.parse("2025-03-30T01:00:00Z") / 1000;
  for (let before = 1; before <= 5_400; before += 7) {
    expect(nextCronSecond("30 2 * * *", "Europe/Berlin", change - before)).toBe(change);
  }
  expect(nextCronSecond("30 2 * * *", "Europe/Berlin", change)).toBe(change + DAY - 1_800);
});

test("a date many years ahead is found in a zone as well", () => {
  const monday = nextCronSecond("0 0 29 2 +1", "Europe/Berlin", Date.parse("2026-01-01T00:00:00Z") / 1000) ?? 0;
  expect(new Date(monday * 1000).toISOString()).toBe("2044-02-28T23:00:00.000Z");
});
