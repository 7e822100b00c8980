import { expect, it } from "vitest";
import { ERROR, spanFacts } from "./span-facts.ts";
import { rowsAbove, searchSpans } from "./span-search.ts";
import { sampleColumns, sampleSpan } from "./testing/sample-span.ts";
import { treeOrder } from "./tree-order.ts";

const columns = sampleColumns(
  sampleSpan(1),
  sampleSpan(2, { parent: 1, name: 1 }),
  sampleSpan(3, { parent: 2, name: 2, facts: ERROR }),
  sampleSpan(4, { parent: 1, name: 2 }),
);
const tree = treeOrder(columns);
const search = (text: string, errors = false) => [
  ...searchSpans({ columns, tree, names: ["job audit", "task Fetch", "fetch"] }, { text, errors }),
];

it("finds by a part of the name, whatever its case, in the order of the lines", () => {
  expect(search("fetch")).toEqual([1, 2, 3]);
  expect(search(" AUDIT ")).toEqual([0]);
  expect(search("nothing")).toEqual([]);
});

it("finds by span id, and failures only", () => {
  expect(search("0000000000000004")).toEqual([3]);
  expect(search("fetch", true)).toEqual([2]);
});

it("tells what has to be unfolded, the outermost first", () => {
  expect(rowsAbove(tree, 2)).toEqual([0, 1]);
  expect(rowsAbove(tree, 3)).toEqual([0]);
});

it.each(["failure", "timeout", "lost"])("a span of outcome %s failed whatever its status is", (outcome) => {
  expect(spanFacts({ type: "attempt", status: "UNSET", outcome, open: false }) & ERROR).toBe(ERROR);
  expect(spanFacts({ type: "user", status: "ERROR", outcome: "", open: false }) & ERROR).toBe(ERROR);
  expect(spanFacts({ type: "task", status: "UNSET", outcome: "cancelled", open: false }) & ERROR).toBe(0);
});
