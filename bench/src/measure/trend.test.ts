import { expect, test } from "vitest";
import { trendOf } from "./trend.ts";

test("a line is found again", () => {
  const points = [0, 1, 2, 3, 4].map((x) => ({ x, y: 10 + 2.5 * x }));
  expect(trendOf(points)).toEqual({ slope: 2.5, mean: 15 });
});

test("noise around a level has no slope, and one point has none either", () => {
  expect(trendOf([5, 7, 7, 5].map((y, x) => ({ x, y }))).slope).toBe(0);
  expect(trendOf([{ x: 3, y: 8 }])).toEqual({ slope: 0, mean: 8 });
});
