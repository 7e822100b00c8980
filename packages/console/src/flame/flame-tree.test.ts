import { describe, expect, it } from "vitest";
import { ERROR, OPEN } from "../waterfall/span-facts.ts";
import { sampleColumns, sampleSpan } from "../waterfall/testing/sample-span.ts";
import { treeOrder } from "../waterfall/tree-order.ts";
import { flameTree } from "./flame-tree.ts";
import { sumsByName } from "./name-sums.ts";

type Span = Parameters<typeof sampleSpan>[1] & { id: number };

function flameOf(...spans: readonly Span[]) {
  const columns = sampleColumns(...spans.map(({ id, ...rest }) => sampleSpan(id, rest)));
  return flameTree({ columns, tree: treeOrder(columns), names: 10, now: 1_000 });
}

describe("spans added up by the path of their names", () => {
  it("have a node for each path, below the one that they lie in", () => {
    const flame = flameOf(
      { id: 1, name: 0, start: 0, end: 100 },
      { id: 2, name: 1, parent: 1, start: 0, end: 40 },
      { id: 3, name: 1, parent: 1, start: 40, end: 90 },
      { id: 4, name: 2, parent: 3, start: 50, end: 60, facts: ERROR },
      { id: 5, name: 2, parent: 1, start: 92, end: 95 },
    );
    expect([...flame.name]).toEqual([-1, 0, 1, 2, 2]);
    expect([...flame.parent]).toEqual([0, 0, 1, 2, 1]);
    expect([...flame.spans]).toEqual([0, 1, 2, 1, 1]);
    expect([...flame.errors]).toEqual([0, 0, 0, 1, 0]);
    expect([...flame.total]).toEqual([0, 100, 90, 10, 3]);
    expect([...flame.self]).toEqual([0, 7, 80, 10, 3]);
    expect([flame.firstChild[1], flame.nextSibling[2], flame.nextSibling[4]]).toEqual([2, 4, 0]);
    expect([flame.longest[2], flame.longestRow[2]]).toEqual([50, 2]);
  });

  it("take what ran at once from the self time of what is above it once", () => {
    const flame = flameOf(
      { id: 1, name: 0, start: 0, end: 100 },
      { id: 2, name: 1, parent: 1, start: 10, end: 60 },
      { id: 3, name: 1, parent: 1, start: 20, end: 30 },
      { id: 4, name: 1, parent: 1, start: 40, end: 80 },
    );
    expect([...flame.self]).toEqual([0, 30, 100]);
  });

  it("take only what lies within it, so that a child that outlives its parent costs it no more than all", () => {
    const flame = flameOf(
      { id: 1, name: 0, start: 50, end: 100 },
      { id: 2, name: 1, parent: 1, start: 10, end: 60 },
      { id: 3, name: 1, parent: 1, start: 90, end: 500 },
    );
    expect([...flame.self]).toEqual([0, 30, 460]);
  });

  it("count up to now while they are open", () => {
    const flame = flameOf({ id: 1, name: 0, start: 900, end: Number.NaN, facts: OPEN });
    expect([flame.total[1], flame.open[1]]).toEqual([100, 1]);
  });

  it("may be nested deeper than the stack is", () => {
    const flame = flameOf(
      ...Array.from({ length: 20_000 }, (_, at) => ({ id: at + 1, name: at % 3, parent: at, start: 0, end: 10 })),
    );
    expect([flame.count, flame.self[20_000], flame.self[1]]).toEqual([20_001, 10, 0]);
  });
});

it("names are summed wherever they are, the most self time first", () => {
  const flame = flameOf(
    { id: 1, name: 0, start: 0, end: 100 },
    { id: 2, name: 1, parent: 1, start: 0, end: 40 },
    { id: 3, name: 0, parent: 2, start: 0, end: 10, facts: ERROR },
  );
  expect(sumsByName(flame)).toEqual([
    { name: 0, type: 0, spans: 2, errors: 1, total: 110, self: 70, longest: 100, longestRow: 0 },
    { name: 1, type: 0, spans: 1, errors: 0, total: 40, self: 30, longest: 40, longestRow: 1 },
  ]);
});
