import { describe, expect, it } from "vitest";
import { durationText } from "../text/duration-text.ts";
import { drawMinimap } from "./draw-minimap.ts";
import { drawWaterfall, type Frame } from "./draw-waterfall.ts";
import { hiddenFailures, marksOf, noMarks } from "./line-marks.ts";
import { minimapOf } from "./minimap.ts";
import type { SpanRow } from "./span-columns.ts";
import { ERROR, OPEN } from "./span-facts.ts";
import { recordedCanvas } from "./testing/recorded-canvas.ts";
import { sampleColumns, sampleSpan } from "./testing/sample-span.ts";
import { treeOrder } from "./tree-order.ts";
import { visibleLines } from "./visible-lines.ts";
import type { WaterfallColors } from "./waterfall-colors.ts";

/** Each colour is called as what it is for. */
const colors = new Proxy({}, { get: (_, name) => String(name) }) as WaterfallColors;
const area = { top: 20, lineHeight: 20, scrollTop: 0, names: 100 };
const [ATTEMPT, TASK] = [3, 2];

/** Draws spans over a second, a pixel a millisecond, and tells what was drawn right of the names upon the lines. */
function drawnOf(
  spans: readonly SpanRow[],
  { folded = [] as number[], ...rest }: Partial<Frame> & { folded?: number[] },
) {
  const columns = sampleColumns(...spans);
  const tree = treeOrder(columns);
  const lines = visibleLines(columns, tree, { rows: new Set(folded), names: new Set() });
  const { canvas, drawn } = recordedCanvas();
  drawWaterfall(canvas, {
    lines,
    names: ["work"],
    area,
    scale: { from: 0, to: 1e9, width: 1_000 },
    now: 1e9,
    width: 1_100,
    height: 220,
    selected: -1,
    hovered: -1,
    colors,
    hiddenFailures: hiddenFailures(columns, tree, lines),
    highlight: undefined,
    found: undefined,
    durationText,
    ...rest,
  });
  const on = (line: number, color: string) =>
    drawn
      .filter((each) => each.kind === "rect" && each.color === color)
      .filter(({ y }) => y >= area.top + line * 20 && y < area.top + (line + 1) * 20)
      .map(({ x, width }) => [x - area.names, width]);
  const texts = drawn.filter(({ kind, x }) => kind === "text" && x < area.names).map(({ text }) => text);
  return { drawn, on, texts };
}

const ms = (from: number, to: number, rest: Partial<SpanRow> = {}) => ({ start: from * 1e6, end: to * 1e6, ...rest });

describe("what an attempt is drawn as", () => {
  const waits = { blockedMs: 100, backoffMs: 0, queuedMs: 50 };
  const { on } = drawnOf([sampleSpan(1, ms(300, 400, { facts: ATTEMPT, ...waits }))], {});

  it("has its bar where it ran", () => {
    expect(on(0, "running")).toEqual([[300, 100]]);
  });

  it("has each wait before it, in its own colour", () => {
    expect(on(0, "queued")).toEqual([[250, 50]]);
    expect(on(0, "blocked")[0]).toEqual([150, 100]);
    expect(on(0, "backoff")).toEqual([]);
  });

  it("has its backoff as a row of dots", () => {
    const dots = drawnOf([sampleSpan(1, ms(300, 400, { facts: ATTEMPT, backoffMs: 60 }))], {}).on(0, "backoff");
    expect([dots.length, dots[0], dots.at(-1)]).toEqual([10, [240, 3], [294, 3]]);
  });

  it("has no waits upon spans that are none of an attempt", () => {
    expect(drawnOf([sampleSpan(1, ms(300, 400, { queuedMs: 50 }))], {}).on(0, "queued")).toEqual([]);
  });
});

describe("a task that no attempt was made of", () => {
  const task = (facts: number, waits: Partial<SpanRow>) =>
    drawnOf([sampleSpan(1, { start: 100e6, end: (facts & OPEN) === 0 ? 500e6 : Number.NaN, facts, ...waits })], {});

  it("is queued until now, after it was blocked", () => {
    const { on } = task(TASK | OPEN, { blockedMs: 200 });
    expect([on(0, "blocked")[0], on(0, "queued"), on(0, "accent")]).toEqual([[100, 200], [[300, 700]], []]);
  });

  it("is blocked while nobody knows for how long", () => {
    const { on } = task(TASK | OPEN, { blockedMs: Number.NaN });
    expect([on(0, "blocked")[0], on(0, "queued")]).toEqual([[100, 900], []]);
  });

  it("that ended has waited as long as it did", () => {
    const { on } = task(TASK, { blockedMs: 100, queuedMs: 250 });
    expect([on(0, "blocked")[0], on(0, "queued"), on(0, "container")]).toEqual([[100, 100], [[200, 250]], []]);
  });

  it("has a bar once one was", () => {
    const spans = [
      sampleSpan(1, { start: 100e6, end: Number.NaN, facts: TASK | OPEN }),
      sampleSpan(2, { parent: 1, start: 300e6, end: Number.NaN, facts: ATTEMPT | OPEN, queuedMs: 200 }),
    ];
    const { on } = drawnOf(spans, {});
    expect([on(0, "queued"), on(0, "accent"), on(1, "queued")]).toEqual([[], [[100, 900]], [[100, 200]]]);
  });
});

describe("failures", () => {
  it("are seen however short, and even where all of the job is a few pixels", () => {
    const failed = sampleSpan(1, ms(500, 500.000001, { facts: ERROR }));
    expect(drawnOf([failed], {}).on(0, "failed")).toEqual([[500, 3]]);
    const far = { scale: { from: 0, to: 1e15, width: 1_000 } };
    expect(drawnOf([failed], far).on(0, "failed")).toEqual([[expect.closeTo(0, 1), 3]]);
  });

  it("that are folded away are drawn upon the line that hides them, joined to pixels", () => {
    const inner = Array.from({ length: 1_000 }, (_, at) =>
      sampleSpan(at + 2, { parent: 1, ...ms(400 + at / 1_000, 400.5 + at / 1_000), facts: at % 2 === 0 ? ERROR : 0 }),
    );
    const late = sampleSpan(5_000, { parent: 1, ...ms(900, 910), facts: ERROR });
    const { on } = drawnOf([sampleSpan(1, ms(0, 1_000)), ...inner, late], { folded: [0] });
    expect(on(0, "failed")).toEqual([
      [400, 4],
      [900, 10],
    ]);
  });

  it("win in the minimap over all that runs in the same pixel", () => {
    const spans = Array.from({ length: 1_000 }, (_, at) => sampleSpan(at + 1, ms(at, at + 1)));
    const columns = sampleColumns(...spans, sampleSpan(5_000, ms(500, 500.1, { facts: ERROR })));
    const { canvas, drawn } = recordedCanvas();
    const whole = { from: 0, to: 1e9 };
    const minimap = minimapOf(columns, 100, whole);
    drawMinimap(canvas, { minimap, whole, scale: { ...whole, width: 900 }, colors, width: 200, height: 48 });
    const failed = drawn.filter(({ color }) => color === "failed");
    expect(failed.map(({ x, width }) => [x, width])).toEqual([[99, 3]]);
    expect(drawn.indexOf(failed[0]!)).toBeGreaterThan(drawn.findLastIndex(({ color }) => color === "running"));
  });
});

describe("what is out of the common", () => {
  it("an open span reaches to now, with an edge that goes on", () => {
    const { on } = drawnOf([sampleSpan(1, { start: 100e6, end: Number.NaN, facts: ATTEMPT | OPEN })], { now: 700e6 });
    expect(on(0, "running")).toEqual([[100, 600]]);
    expect(on(0, "ground")).toHaveLength(2);
  });

  it("a span of no time has a pixel, one of years fills the sight, and one before it is not drawn", () => {
    const spans = [
      sampleSpan(1, ms(200, 200)),
      sampleSpan(2, { start: -1e18, end: 1e18 }),
      sampleSpan(3, { start: -9e9, end: -8e9 }),
    ];
    // The last begins first: it is the first line.
    const { on } = drawnOf(spans, {});
    expect([on(0, "user"), on(1, "user"), on(2, "user")]).toEqual([[[-2, 1_004]], [], [[200, 1]]]);
  });

  it("dims what is not marked, and marks the time that is", () => {
    const spans = [sampleSpan(1, ms(0, 100)), sampleSpan(2, ms(200, 300))];
    const columns = sampleColumns(...spans);
    const lines = visibleLines(columns, treeOrder(columns), { rows: new Set(), names: new Set() });
    const highlight = marksOf([{ row: 1, from: 220e6, to: 250e6 }], Int32Array.of(0, 1), lines);
    const { drawn, on } = drawnOf(spans, { highlight });
    expect(drawn.filter(({ color }) => color === "user").map(({ alpha }) => alpha < 1)).toEqual([true, false]);
    expect([on(0, "marked"), on(1, "marked")]).toEqual([[], [[120 + 100, 30]]]);
    expect(drawnOf(spans, { highlight: noMarks() }).drawn.at(-1)?.alpha).toBe(1);
  });

  it("marks the names that were looked for, and no others", () => {
    const { drawn } = drawnOf([sampleSpan(1), sampleSpan(2), sampleSpan(3)], { found: Int32Array.of(0, 2) });
    expect(drawn.filter(({ color }) => color === "found").map(({ y }) => Math.floor((y - area.top) / 20))).toEqual([
      0, 2,
    ]);
  });

  it("cuts long names to their column, tears no letter apart, and keeps marks in their place beside any script", () => {
    const long = drawnOf([sampleSpan(1)], { names: ["🦜".repeat(5_000)] }).texts[0]!;
    expect(long.length).toBeLessThan(20);
    expect(long.isWellFormed()).toBe(true);
    const [rtl] = drawnOf([sampleSpan(1, { facts: ERROR })], { names: ["עבודה"] }).texts;
    expect(rtl).toBe("✗ \u2068עבודה\u2069");
  });

  it("draws only the lines in sight, of thousands", () => {
    const spans = Array.from({ length: 2_000 }, (_, at) => sampleSpan(at + 1, ms(at / 10, at / 10 + 1)));
    const { drawn } = drawnOf(spans, { area: { ...area, scrollTop: 20_000 } });
    expect(drawn.filter(({ color }) => color === "user")).toHaveLength(10);
  });
});
