import { expect, it } from "vitest";
import { lineDensity, PixelLine, pixelKind, pixelKinds } from "./coalesce.ts";
import { minimapOf } from "./minimap.ts";
import { ENDED_EARLY, ERROR, OPEN } from "./span-facts.ts";
import { sampleColumns, sampleSpan } from "./testing/sample-span.ts";
import { waitsBefore } from "./wait-parts.ts";

it("an error wins over whatever else is in its pixel, in any order", () => {
  const bars = [
    [0, 10, 0],
    [4.2, 4.3, ERROR],
    [3, 6, OPEN],
    [0, 10, ENDED_EARLY],
  ] as const;
  for (const order of [bars, bars.toReversed()]) {
    const line = new PixelLine(10);
    for (const [from, to, facts] of order) line.add(from, to, pixelKind(facts));
    const { ended, open, error } = pixelKinds;
    expect([...line.pixels]).toEqual([ended, ended, ended, open, error, open, ended, ended, ended, ended]);
  }
});

it("a bar shorter than a pixel has one, and what is out of sight has none", () => {
  const line = new PixelLine(5);
  line.add(2, 2, pixelKinds.ended);
  line.add(-9, -1, pixelKinds.error);
  line.add(5, 9, pixelKinds.error);
  const runs: number[][] = [];
  line.forEachRun((...run) => runs.push(run));
  expect(runs).toEqual([[2, 3, pixelKinds.ended]]);
});

it("one failed line of 100,000 is seen beside them", () => {
  const facts = new Uint8Array(100_000);
  facts[50_000] = ERROR;
  const kinds = lineDensity({ count: 100_000, facts }, 300);
  expect(kinds[150]).toBe(pixelKinds.error);
  expect([...kinds].filter((kind) => kind !== 0)).toHaveLength(1);
});

it("the minimap counts what runs on average, only attempts when there are any", () => {
  const spans = [sampleSpan(1, { start: 0, end: 100 }), sampleSpan(2, { start: 50, end: 75 })];
  const map = minimapOf(sampleColumns(...spans), 4, { from: 0, to: 100 });
  expect([...map.running]).toEqual([1, 1, 2, 1]);
  spans.push(sampleSpan(3, { start: 0, end: 12.5, facts: 3 }));
  expect([...minimapOf(sampleColumns(...spans), 4, { from: 0, to: 100 }).running]).toEqual([0.5, 0, 0, 0]);
});

it("the minimap tells failures where they ended, and open spans run on", () => {
  const columns = sampleColumns(
    sampleSpan(1, { start: 0, end: 60, facts: ERROR }),
    sampleSpan(2, { start: 50, end: Number.NaN, facts: OPEN }),
  );
  const { errors, running } = minimapOf(columns, 4, { from: 0, to: 100 });
  expect([...errors]).toEqual([0, 0, 1, 0]);
  expect(running[3]).toBe(1);
});

it("an attempt waits for dependencies or a retry first, then for a runner", () => {
  expect(waitsBefore(100e6, { blockedMs: 0, backoffMs: 50, queuedMs: 10 })).toEqual([
    { kind: "backoff", from: 40e6, to: 90e6 },
    { kind: "queued", from: 90e6, to: 100e6 },
  ]);
  expect(waitsBefore(5, { blockedMs: 0, backoffMs: 0, queuedMs: 0 })).toEqual([]);
});
