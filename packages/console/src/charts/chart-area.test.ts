import { expect, it } from "vitest";
import { brushedTime, bucketAt, chartArea, timeOfX, xOfTime } from "./chart-area.ts";

const area = chartArea(664, 100);
const time = { fromMs: 1_000, toMs: 7_000 };
const starts = [1_000, 2_000, 3_000, 4_000, 5_000, 6_000];

it("a time and its pixel tell each other", () => {
  expect(timeOfX(area, time, xOfTime(area, time, 2_500))).toBeCloseTo(2_500, 6);
  expect([timeOfX(area, time, -50), timeOfX(area, time, 9_999)]).toEqual([1_000, 7_000]);
  expect(bucketAt(area, time, starts, xOfTime(area, time, 3_999))).toBe(2);
});

it("a drag, in whichever direction, is its time, and a press the bucket it lies in", () => {
  const [a, b] = [xOfTime(area, time, 2_000), xOfTime(area, time, 4_000)];
  expect(brushedTime({ area, time, starts }, a, b)).toEqual({ fromMs: 2_000, toMs: 4_000 });
  expect(brushedTime({ area, time, starts }, b, a)).toEqual({ fromMs: 2_000, toMs: 4_000 });
  expect(brushedTime({ area, time, starts }, a + 10, a + 11)).toEqual({ fromMs: 2_000, toMs: 3_000 });
});
