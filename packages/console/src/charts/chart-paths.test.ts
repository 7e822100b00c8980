import { expect, it } from "vitest";
import { areaPath, dotPath, linePath, stackOf } from "./chart-paths.ts";

const shape = {
  x: (bucket: number) => bucket * 10,
  y: (value: number) => 100 - value,
  barWidth: 10,
  ticks: [],
  stacked: [],
};

it("a line goes through what is there and is broken where nothing is", () => {
  expect(linePath(shape, [1, 2, null, 3])).toBe("M5 99L15 98M35 97");
  expect(dotPath(shape, [1, 2, null, 3])).toBe("M35 97h0.01");
  expect(dotPath(shape, [4])).toBe("M5 96h0.01");
  expect(linePath(shape, [null])).toBe("");
});

it("layers stand on those before them, and what is small is seen", () => {
  const layers = stackOf([{ values: [5, null] }, { values: [0.2, 7] }]);
  expect(layers).toEqual([
    [
      { from: 0, to: 5 },
      { from: 0, to: 0 },
    ],
    [
      { from: 5, to: 5.2 },
      { from: 0, to: 7 },
    ],
  ]);
  expect(areaPath(shape, layers[0] ?? [])).toBe("M0 100v-5h9v5z");
  expect(areaPath(shape, layers[1] ?? [])).toBe("M0 95v-1h9v1zM10 100v-7h9v7z");
});
