import { expect, it } from "vitest";
import { firstMarkOf, hiddenFailures, isMarked, lineOf, marksOf } from "./line-marks.ts";
import { ERROR } from "./span-facts.ts";
import { sampleColumns, sampleSpan } from "./testing/sample-span.ts";
import { treeOrder } from "./tree-order.ts";
import { visibleLines } from "./visible-lines.ts";

// 1 > (2 > (3 failed, 4 > 5 failed), 6 failed)
const columns = sampleColumns(
  sampleSpan(1),
  sampleSpan(2, { parent: 1 }),
  sampleSpan(3, { parent: 2, facts: ERROR, start: 30, end: 40 }),
  sampleSpan(4, { parent: 2, start: 41 }),
  sampleSpan(5, { parent: 4, facts: ERROR, start: 50, end: Number.NaN }),
  sampleSpan(6, { parent: 1, facts: ERROR, start: 60 }),
);
const tree = treeOrder(columns);
const linesOf = (...folded: number[]) => visibleLines(columns, tree, { rows: new Set(folded), names: new Set() });
const positions = Int32Array.from([0, 1, 2, 3, 4, 5]);

it("failed spans that are folded away stand upon the line that hides them, however deep, and those in sight do not", () => {
  const marks = hiddenFailures(columns, tree, linesOf(1, 3));
  expect([[...marks.line], [...marks.from], [...marks.to]]).toEqual([
    [1, 1],
    [30, 50],
    [40, Number.NaN],
  ]);
  expect(hiddenFailures(columns, tree, linesOf()).line).toHaveLength(0);
  expect([...hiddenFailures(columns, tree, linesOf(3)).line]).toEqual([3]);
});

it("a position is shown by its line, or by the one that hides it", () => {
  const lines = linesOf(1);
  expect([0, 1, 2, 3, 4, 5].map((position) => lineOf(lines, position))).toEqual([0, 1, 1, 1, 1, 2]);
});

it("marks are found by line, in order of time, those of hidden spans upon the line that hides them", () => {
  const stretches = [
    { row: 5, from: 60, to: 61 },
    { row: 4, from: 50, to: 55 },
    { row: 2, from: 30, to: 33 },
  ];
  const marks = marksOf(stretches, positions, linesOf(1));
  expect([[...marks.line], [...marks.from]]).toEqual([
    [1, 1, 2],
    [30, 50, 60],
  ]);
  expect([0, 1, 2, 3].map((line) => isMarked(marks, line))).toEqual([false, true, true, false]);
  expect([firstMarkOf(marks, 0), firstMarkOf(marks, 2), firstMarkOf(marks, 9)]).toEqual([0, 2, 3]);
});
