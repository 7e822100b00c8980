import { expect, it } from "vitest";
import { batchesByWeight, MAX_WEIGHT } from "./firing-batches.ts";

const sizes = (weights: number[]) => [...batchesByWeight(weights, (weight) => weight)].map((batch) => batch.length);

it("fills batches up to twenty-five", () => {
  expect(sizes(new Array(60).fill(1))).toEqual([25, 25, 10]);
  expect(sizes([])).toEqual([]);
});

it("ends a batch before it weighs too much, and lets what is too heavy be one by itself", () => {
  const half = MAX_WEIGHT / 2;
  expect(sizes([half, half, 1, half, half, MAX_WEIGHT * 5, 1])).toEqual([2, 2, 1, 1, 1]);
});
