import { expect, it } from "vitest";
import { roundStep, tickLabel, ticksOf } from "./tick-labels.ts";
import { around, panBy, timeAt, within, xOf, zoomAt } from "./time-scale.ts";

const whole = { from: 0, to: 1_000 };
const scale = { from: 100, to: 300, width: 400 };

it("pixels and times are each other's inverse", () => {
  expect(xOf(scale, 150)).toBe(100);
  expect(timeAt(scale, xOf(scale, 237))).toBeCloseTo(237);
});

it("zooming keeps the time under the pointer", () => {
  const before = timeAt(scale, 300);
  expect(timeAt(zoomAt(scale, 0.5, 300, whole), 300)).toBeCloseTo(before);
});

it("neither zooming nor panning leaves the whole", () => {
  expect(zoomAt(scale, 100, 10, whole)).toEqual({ ...whole, width: 400 });
  expect(panBy(scale, -10_000, whole)).toEqual({ from: 0, to: 200, width: 400 });
  expect(panBy(scale, 10_000, whole)).toEqual({ from: 800, to: 1_000, width: 400 });
  expect(within({ from: -50, to: 2_000, width: 1 }, whole)).toEqual({ from: 0, to: 1_000, width: 1 });
});

it("zooming in stops at what can be told apart", () => {
  const { from, to } = zoomAt(scale, 1e-9, 0, whole);
  expect(to - from).toBe(50);
});

it("a span is shown with some of what is around it", () => {
  const { from, to } = around({ start: 400, end: 600 }, whole, 10);
  expect([from, to].map((ns) => Math.round(ns * 1e6) / 1e6)).toEqual([380, 620]);
});

it.each([
  [0.3, 0.5],
  [90, 100],
  [2.1e6, 5e6],
  [25e9, 30e9],
  [70e9, 120e9],
  [100 * 3_600e9, 5 * 86_400e9],
])("a step of at least %d ns is %d", (least, step) => {
  expect(roundStep(least)).toBeCloseTo(step, 3);
});

it.each([
  [0, 1e6, "0"],
  [1.5e9, 0.5e9, "1.5 s"],
  [2e9, 0.5e9, "2.0 s"],
  [12.34e6, 1e4, "12.34 ms"],
  [500, 100, "500 ns"],
  [90e9, 30e9, "1:30"],
  [3_661e9, 60e9, "1:01:01"],
  [-5e6, 1e6, "−5 ms"],
])("%d ns by steps of %d is labelled %s", (ns, step, label) => {
  expect(tickLabel(ns, step)).toBe(label);
});

it("ticks are in sight and no label stands twice", () => {
  for (const [from, to] of [
    [0, 1e9],
    [123_456_789, 123_456_999],
    [5e9, 5.001e9],
    [0, 9e13],
    [-40e6, 60e6],
  ] as const) {
    const ticks = ticksOf({ from, to, width: 900 });
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThanOrEqual(11);
    expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length);
    expect(ticks.every(({ ns }) => ns >= from && ns <= to)).toBe(true);
  }
});
