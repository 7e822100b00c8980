import { expect, it } from "vitest";
import { hiddenFailures } from "./line-marks.ts";
import { SpanColumns } from "./span-columns.ts";
import { ERROR } from "./span-facts.ts";
import { rowsAbove } from "./span-search.ts";
import { sampleColumns, sampleSpan } from "./testing/sample-span.ts";
import { treeOrder } from "./tree-order.ts";
import { visibleLines } from "./visible-lines.ts";

const idsOf = (columns: SpanColumns) => [...treeOrder(columns).order].map((row) => columns.idLow[row]);

it("each span is followed by all below it, those with one parent by start", () => {
  const columns = sampleColumns(
    sampleSpan(1),
    sampleSpan(4, { parent: 1, start: 9 }),
    sampleSpan(2, { parent: 1, start: 3 }),
    sampleSpan(3, { parent: 2, start: 20 }),
    sampleSpan(5, { start: 0 }),
  );
  const { depth, below } = treeOrder(columns);
  expect(idsOf(columns)).toEqual([5, 1, 2, 3, 4]);
  expect([...depth]).toEqual([0, 0, 1, 2, 1]);
  expect([...below]).toEqual([0, 3, 1, 0, 0]);
});

it("a span whose parent has not come is a root until it does", () => {
  const columns = sampleColumns(sampleSpan(2, { parent: 1 }), sampleSpan(3, { parent: 2 }));
  expect([...treeOrder(columns).depth]).toEqual([0, 1]);
  columns.put(sampleSpan(1));
  expect(idsOf(columns)).toEqual([1, 2, 3]);
  expect([...treeOrder(columns).depth]).toEqual([0, 1, 2]);
});

it("spans that are each other's ancestors are all shown once", () => {
  const columns = sampleColumns(
    sampleSpan(1, { parent: 3 }),
    sampleSpan(2, { parent: 1 }),
    sampleSpan(3, { parent: 2 }),
    sampleSpan(4, { parent: 4 }),
  );
  expect(idsOf(columns).sort()).toEqual([1, 2, 3, 4]);
});

it("what has a failure below it is marked, all the way up, and nothing beside it", () => {
  const columns = sampleColumns(
    sampleSpan(1),
    sampleSpan(2, { parent: 1 }),
    sampleSpan(3, { parent: 2, facts: ERROR }),
    sampleSpan(4, { parent: 1 }),
  );
  expect([...treeOrder(columns).marks].map((mark) => mark !== 0)).toEqual([true, true, false, false]);
});

it("a chain of 100,000 spans is walked without recursion, and every level of it is told apart", () => {
  const columns = new SpanColumns();
  for (let n = 0; n < 100_000; n++) columns.put(sampleSpan(n + 1, { parent: n }));
  const tree = treeOrder(columns);
  expect([tree.below[0], tree.depth[99_999]]).toEqual([99_999, 99_999]);
  expect(rowsAbove(tree, 99_999)).toHaveLength(99_999);
});

it("a million children of one parent are lines beside each other, and one line when it is folded", () => {
  const columns = new SpanColumns();
  columns.put(sampleSpan(1));
  for (let n = 0; n < 1_000_000; n++) columns.put(sampleSpan(n + 2, { parent: 1, facts: n % 2 === 0 ? ERROR : 0 }));
  const tree = treeOrder(columns);
  const folded = (...rows: number[]) => visibleLines(columns, tree, { rows: new Set(rows), names: new Set() });
  const lines = folded(0);
  expect([folded().count, lines.count, lines.below[0]]).toEqual([1_000_001, 1, 1_000_000]);
  expect(hiddenFailures(columns, tree, lines).line).toHaveLength(500_000);
});

it("random forests are in order whatever order they come in", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 50; round++) {
    const spans = Array.from({ length: 60 }, (_, n) => sampleSpan(n + 1, { parent: random(70), start: random(40) }));
    const columns = sampleColumns(...spans.sort(() => random(3) - 1));
    const { order, below, depth } = treeOrder(columns);
    expect([...order].sort((a, b) => a - b)).toEqual(spans.map((_, row) => row));
    for (let at = 0; at < order.length; at++) {
      const inside = depth.subarray(at + 1, at + 1 + below[at]!);
      expect(inside.every((level) => level > depth[at]!)).toBe(true);
      expect(depth[at + 1 + below[at]!] ?? 0).toBeLessThanOrEqual(depth[at]!);
    }
  }
});
