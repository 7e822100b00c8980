import { expect, test } from "vitest";
import { nextFireTime, ON_TIME_GRACE_US, type PlanInput, planFirings } from "./schedule-plan.ts";
import { parseSchedule } from "./schedule-times.ts";

const SECOND_US = 1_000_000;
const HOUR_US = 3_600 * SECOND_US;
/** A round moment: 2025-01-01T00:00:00Z. */
const START_US = Date.UTC(2025, 0, 1) * 1000;

const everySecond = parseSchedule({ kind: "cron", expression: "* * * * * *", timeZone: "" });
const hourly = parseSchedule({ kind: "cron", expression: "@hourly", timeZone: "" });

function input(changes: Partial<PlanInput>): PlanInput {
  return { spec: everySecond, scheduleId: "nightly", lastTimeUs: START_US, nowUs: START_US, limit: 1_000, ...changes };
}

const times = (plan: { due: readonly { timeUs: number }[] }): number[] =>
  plan.due.map(({ timeUs }) => (timeUs - START_US) / SECOND_US);

test("times that are over fire, oldest first, and the next one says when to look again", () => {
  const plan = planFirings(input({ nowUs: START_US + 3.5 * SECOND_US }));
  expect(times(plan)).toEqual([1, 2, 3]);
  expect(plan.missed).toBeUndefined();
  expect(plan.lastTimeUs).toBe(START_US + 3 * SECOND_US);
  expect(plan.nextAtUs).toBe(START_US + 4 * SECOND_US);
});

test("a time that is due this moment fires", () => {
  expect(times(planFirings(input({ nowUs: START_US + SECOND_US })))).toEqual([1]);
  expect(times(planFirings(input({ nowUs: START_US + SECOND_US - 1 })))).toEqual([]);
});

test("a schedule that was decided up to now fires nothing again", () => {
  const first = planFirings(input({ nowUs: START_US + 5 * SECOND_US }));
  const again = planFirings(input({ nowUs: START_US + 5 * SECOND_US, lastTimeUs: first.lastTimeUs }));
  expect(again.due).toEqual([]);
  expect(again.lastTimeUs).toBe(first.lastTimeUs);
});

test("the times of a server that was killed and followed within the grace are not lost", () => {
  const plan = planFirings(input({ nowUs: START_US + 45 * SECOND_US }));
  expect(times(plan)).toEqual(Array.from({ length: 45 }, (_, index) => index + 1));
  expect(plan.missed).toBeUndefined();
});

test("without a catch-up window what lies further back than the grace is missed", () => {
  const nowUs = START_US + 70 * SECOND_US;
  const plan = planFirings(input({ nowUs }));
  expect(plan.missed).toEqual({
    firstUs: START_US + SECOND_US,
    untilUs: nowUs - ON_TIME_GRACE_US,
    count: 9,
    more: false,
  });
  expect(times(plan)[0]).toBe(10);
  expect(times(plan).at(-1)).toBe(70);
});

test("times within the catch-up window fire late", () => {
  const nowUs = START_US + 5 * HOUR_US + 1;
  const plan = planFirings(input({ spec: hourly, nowUs, catchUpUs: 3 * HOUR_US }));
  expect(plan.missed?.count).toBe(1);
  expect(times(plan)).toEqual([7200, 10_800, 14_400, 18_000]);
});

test("a daily time missed by more than the grace waits for its next day", () => {
  const daily = parseSchedule({ kind: "cron", expression: "0 12 * * *", timeZone: "" });
  const plan = planFirings(input({ spec: daily, nowUs: START_US + 12 * HOUR_US + ON_TIME_GRACE_US + 1 }));
  expect(plan.due).toEqual([]);
  expect(plan.missed?.count).toBe(1);
  expect(plan.nextAtUs).toBe(START_US + 36 * HOUR_US);
});

test("of very many missed times some are counted, and none is decided twice", () => {
  const nowUs = START_US + 24 * HOUR_US;
  const plan = planFirings(input({ nowUs }));
  expect(plan.missed).toMatchObject({ count: 100, more: true });
  expect(plan.due).toHaveLength(61);
  expect(plan.due[0]?.timeUs).toBe(nowUs - ON_TIME_GRACE_US);
});

test("what a limit leaves over is to be looked at again at once", () => {
  const nowUs = START_US + 5 * SECOND_US;
  const first = planFirings(input({ nowUs, limit: 2 }));
  expect(times(first)).toEqual([1, 2]);
  expect(first.nextAtUs).toBe(START_US + 3 * SECOND_US);
  expect(times(planFirings(input({ nowUs, limit: 2, lastTimeUs: first.lastTimeUs })))).toEqual([3, 4]);
});

test("a clock set back an hour fires nothing until it has come past the last time", () => {
  const lastTimeUs = START_US + HOUR_US;
  const back = planFirings(input({ lastTimeUs, nowUs: START_US + 10 }));
  expect(back).toEqual({ due: [], lastTimeUs, nextAtUs: lastTimeUs + SECOND_US });
  expect(times(planFirings(input({ lastTimeUs, nowUs: lastTimeUs + SECOND_US })))).toEqual([3_601]);
});

test("a clock set forward an hour misses what lies between, and going back again repeats nothing", () => {
  const forward = planFirings(input({ spec: hourly, nowUs: START_US + HOUR_US + 120 * SECOND_US }));
  expect(forward.due).toEqual([]);
  expect(forward.missed?.count).toBe(1);
  const back = planFirings(input({ spec: hourly, lastTimeUs: forward.lastTimeUs, nowUs: START_US + 120 * SECOND_US }));
  expect(back.due).toEqual([]);
  expect(back.missed).toBeUndefined();
  expect(back.nextAtUs).toBe(START_US + 2 * HOUR_US);
});

test("whatever a clock does, no time is decided twice and none is lost within the window", () => {
  const fired: number[] = [];
  let lastTimeUs = START_US;
  for (const second of [10, 11, 3_600, 3_590, 20, 3_601, 3_660, 100, 7_200, 7_205, 3_600, 7_206]) {
    const plan = planFirings(
      input({ lastTimeUs, nowUs: START_US + second * SECOND_US, catchUpUs: 2 * HOUR_US, limit: 9_999 }),
    );
    fired.push(...times(plan));
    expect(plan.lastTimeUs).toBeGreaterThanOrEqual(lastTimeUs);
    lastTimeUs = plan.lastTimeUs;
  }
  expect(fired).toEqual(Array.from({ length: 7_206 }, (_, index) => index + 1));
});

test("a one-off time fires once and is done", () => {
  const spec = parseSchedule({ kind: "once", atUs: START_US + 5 });
  const before = planFirings(input({ spec, nowUs: START_US }));
  expect(before).toMatchObject({ due: [], nextAtUs: START_US + 5 });
  const plan = planFirings(input({ spec, nowUs: START_US + 6 }));
  expect(plan).toEqual({
    due: [{ timeUs: START_US + 5, fireAtUs: START_US + 5 }],
    lastTimeUs: START_US + 5,
    nextAtUs: undefined,
  });
  expect(planFirings(input({ spec, lastTimeUs: plan.lastTimeUs, nowUs: START_US + HOUR_US }))).toMatchObject({
    due: [],
  });
});

test("jitter delays a time by the same amount whenever it is asked for", () => {
  const jittered = { spec: hourly, jitterUs: HOUR_US / 2 };
  const fireAtUs = nextFireTime(input(jittered)) ?? 0;
  expect(fireAtUs).toBe(planFirings(input(jittered)).nextAtUs);
  expect(fireAtUs).toBeGreaterThan(START_US + HOUR_US);
  expect(fireAtUs).toBeLessThan(START_US + 1.5 * HOUR_US);
  expect(planFirings(input({ ...jittered, nowUs: fireAtUs - 1 })).due).toEqual([]);
  expect(planFirings(input({ ...jittered, nowUs: fireAtUs })).due).toEqual([{ timeUs: START_US + HOUR_US, fireAtUs }]);
});

test("a jitter of days never passes the next time nor makes one missed", () => {
  const jittered = input({
    spec: hourly,
    jitterUs: 72 * HOUR_US,
    nowUs: START_US + 100 * HOUR_US,
    lastTimeUs: START_US + 50 * HOUR_US,
  });
  const { due, missed } = planFirings(jittered);
  expect(missed).toBeUndefined();
  expect(due.length).toBeGreaterThanOrEqual(49);
  for (const { timeUs, fireAtUs } of due) {
    expect(fireAtUs).toBeGreaterThanOrEqual(timeUs);
    expect(fireAtUs).toBeLessThan(timeUs + HOUR_US);
  }
});

test("schedules of the same times spread over their jitter", () => {
  const delays = Array.from({ length: 1_000 }, (_, index) => {
    const fireAtUs =
      nextFireTime(input({ spec: hourly, jitterUs: 60 * SECOND_US, scheduleId: `schedule-${index}` })) ?? 0;
    return Math.floor((fireAtUs - START_US - HOUR_US) / SECOND_US / 10);
  });
  const perTenSeconds = [0, 1, 2, 3, 4, 5].map((slot) => delays.filter((delay) => delay === slot).length);
  expect(Math.min(...perTenSeconds)).toBeGreaterThan(100);
  expect(perTenSeconds.reduce((sum, count) => sum + count)).toBe(1_000);
});
