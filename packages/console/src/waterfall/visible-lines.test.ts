import { expect, it } from "vitest";
import { COLLAPSED, ERROR, ERROR_BELOW, PARENT } from "./span-facts.ts";
import { sampleColumns, sampleSpan } from "./testing/sample-span.ts";
import { treeOrder } from "./tree-order.ts";
import { type Folding, visibleLines } from "./visible-lines.ts";

const columns = sampleColumns(
  sampleSpan(1),
  sampleSpan(2, { parent: 1, name: 5 }),
  sampleSpan(3, { parent: 2, facts: ERROR }),
  sampleSpan(4, { parent: 1, name: 5 }),
  sampleSpan(5, { parent: 4, queuedMs: 8 }),
  sampleSpan(6, { parent: 1 }),
);
const tree = treeOrder(columns);

function lines(folding: Partial<Record<keyof Folding, number[]>> = {}) {
  return visibleLines(columns, tree, { rows: new Set(folding.rows), names: new Set(folding.names) });
}
const ids = (folding: Partial<Record<keyof Folding, number[]>>) =>
  [...lines(folding).row].map((row) => columns.idLow[row]);

it("with nothing folded all spans are shown, with what is known of them", () => {
  const { count, row, depth, queuedMs } = lines();
  expect([count, [...row], [...depth], queuedMs[4]]).toEqual([6, [0, 1, 2, 3, 4, 5], [0, 1, 2, 1, 2, 1], 8]);
});

it("what is below a folded span is hidden, and the span says so and that something below failed", () => {
  const { facts, count, below } = lines({ rows: [1] });
  expect(ids({ rows: [1] })).toEqual([1, 2, 4, 5, 6]);
  expect([count, below[1]]).toEqual([5, 1]);
  expect(facts[1]).toBe(COLLAPSED | PARENT | ERROR_BELOW);
  expect(facts[2]).toBe(PARENT);
});

it("a folded name folds all spans of it, but for those that are unfolded by themselves", () => {
  expect(ids({ names: [5] })).toEqual([1, 2, 4, 6]);
  expect(ids({ names: [5], rows: [3] })).toEqual([1, 2, 4, 5, 6]);
});

it("a folded root hides everything, and folding a leaf does nothing", () => {
  expect(ids({ rows: [0, 1] })).toEqual([1]);
  expect(ids({ rows: [5] })).toHaveLength(6);
  expect(lines({ rows: [5] }).facts[5]).toBe(0);
});
