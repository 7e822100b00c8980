import { describe, expect, it } from "vitest";
import { spanTypes } from "../waterfall/span-facts.ts";
import { sampleColumns, sampleSpan } from "../waterfall/testing/sample-span.ts";
import { treeOrder } from "../waterfall/tree-order.ts";
import { flameLayout, MOST_ROWS, pathTo } from "./flame-layout.ts";
import { type FlameTree, flameTree } from "./flame-tree.ts";
import { flameWeights } from "./flame-weights.ts";

function flameOf(...spans: readonly (Parameters<typeof sampleSpan>[1] & { id: number })[]): FlameTree {
  const columns = sampleColumns(...spans.map(({ id, ...rest }) => sampleSpan(id, rest)));
  return flameTree({ columns, tree: treeOrder(columns), names: 200, now: 0 });
}

// Nodes: 1 is the root of 100, 2 and 3 below it ran at once for 80 each, 4 is below 3.
const flame = flameOf(
  { id: 1, name: 0, start: 0, end: 100 },
  { id: 2, name: 1, parent: 1, start: 0, end: 80 },
  { id: 3, name: 2, parent: 1, start: 10, end: 90 },
  { id: 4, name: 3, parent: 3, start: 10, end: 50 },
);
const boxes = (measure: "self" | "total" | "spans", zoom = 0, least = 0) =>
  flameLayout(flame, { weights: flameWeights(flame, measure, true), zoom, least }).frames.map(
    ({ node, from, width, row }) => [node, row, Math.round(from * 1_000), Math.round(width * 1_000)],
  );

describe("the frames of a flame chart", () => {
  it("are as wide as self times add up to, so that what is below never is wider than what is above", () => {
    expect([...flameWeights(flame, "self", true)]).toEqual([170, 170, 80, 80, 40]);
    expect(boxes("self")).toEqual([
      [1, 0, 0, 1_000],
      [2, 1, 0, 471],
      [3, 1, 471, 471],
      [4, 2, 471, 235],
    ]);
  });

  it("share the width of what is above when durations that overlap sum to more", () => {
    expect([...flameWeights(flame, "total", true)]).toEqual([100, 100, 80, 80, 40]);
    expect(boxes("total")).toEqual([
      [1, 0, 0, 1_000],
      [2, 1, 0, 500],
      [3, 1, 500, 500],
      [4, 2, 500, 250],
    ]);
  });

  it("are by count as wide as all spans in them", () => {
    expect([...flameWeights(flame, "spans", true)]).toEqual([4, 4, 1, 2, 1]);
  });

  it("are as wide as what ran unless waiting is asked for", () => {
    const [task, attempt] = [spanTypes.indexOf("task"), spanTypes.indexOf("attempt")];
    const waited = flameOf(
      { id: 1, name: 0, start: 0, end: 100, facts: task },
      { id: 2, name: 1, parent: 1, start: 60, end: 100, facts: attempt },
    );
    expect([...flameWeights(waited, "self", false)]).toEqual([40, 40, 40]);
    expect([...flameWeights(waited, "self", true)]).toEqual([100, 100, 40]);
    expect([...flameWeights(waited, "total", false)]).toEqual([100, 100, 40]);
  });

  it("fill the width when zoomed into, below what is above", () => {
    expect(pathTo(flame, 4)).toEqual([1, 3]);
    expect(boxes("self", 3)).toEqual([
      [1, 0, 0, 1_000],
      [3, 1, 0, 1_000],
      [4, 2, 0, 500],
    ]);
  });

  it("are left out when too narrow, and counted", () => {
    const weights = flameWeights(flame, "self", true);
    const { frames, hidden } = flameLayout(flame, { weights, zoom: 0, least: 0.3 });
    expect([frames.length, hidden]).toEqual([3, 1]);
  });

  it("go down so many rows and no further", () => {
    const deep = flameOf(
      ...Array.from({ length: 5_000 }, (_, at) => ({ id: at + 1, name: at % 7, parent: at, start: 0, end: 10 })),
    );
    const weights = flameWeights(deep, "self", true);
    expect(flameLayout(deep, { weights, zoom: 0, least: 0 })).toMatchObject({ rows: MOST_ROWS, hidden: 1 });
    const zoomed = flameLayout(deep, { weights, zoom: 3, least: 0 });
    expect([zoomed.rows, zoomed.frames.filter(({ above }) => above).length]).toEqual([MOST_ROWS + 2, 2]);
  });
});

it("a flame chart of no spans has no frames", () => {
  const none = flameOf();
  expect(flameLayout(none, { weights: flameWeights(none, "self", true), zoom: 0, least: 0 }).frames).toEqual([]);
});
