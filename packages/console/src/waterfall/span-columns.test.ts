import { expect, it } from "vitest";
import { IdIndex } from "./id-index.ts";
import { SpanColumns } from "./span-columns.ts";
import { sampleSpan } from "./testing/sample-span.ts";

it("a span that comes again replaces what was known of it, in its row", () => {
  const columns = new SpanColumns();
  columns.put(sampleSpan(1, { end: Number.NaN }));
  columns.put(sampleSpan(2));
  expect(columns.put(sampleSpan(1, { end: 70 }))).toBe(0);
  expect([columns.count, columns.end[0], columns.rowOf(0, 2), columns.rowOf(0, 3)]).toEqual([2, 70, 1, -1]);
});

it("columns grow without losing a row", () => {
  const columns = new SpanColumns();
  for (let id = 1; id <= 5_000; id++) columns.put(sampleSpan(id, { start: id, name: id % 7 }));
  for (let id = 1; id <= 5_000; id++) {
    const row = columns.rowOf(0, id);
    if (columns.start[row] !== id || columns.name[row] !== id % 7) throw new Error(`row of ${id} is wrong`);
  }
  expect(columns.count).toBe(5_000);
});

it("ids that differ in one half only are told apart", () => {
  const index = new IdIndex();
  for (let n = 0; n < 300; n++) {
    index.add(n, 5, 2 * n);
    index.add(5, n + 1_000, 2 * n + 1);
  }
  expect(index.size).toBe(600);
  expect([index.rowOf(7, 5), index.rowOf(5, 1_007), index.rowOf(7, 1_007)]).toEqual([14, 15, -1]);
});
