import { expect, it } from "vitest";
import { heatEdge } from "../../charts/heat-grid.ts";
import { durationMs } from "./condition-text.ts";
import { nanosecondsText } from "./nanoseconds-text.ts";

it("lengths of time are written so that they are read back exactly", () => {
  expect([0, 7, 3_150, 2_000_000, 3_149_999, 1_500_000_000, 90_000_000_000].map(nanosecondsText)).toEqual([
    "0ns",
    "7ns",
    "3.15us",
    "2ms",
    "3149.999us",
    "1.5s",
    "1.5m",
  ]);
  for (let bin = 0; bin < 130; bin++) {
    const ns = Math.round(heatEdge(bin)) - 1;
    expect(Math.round(durationMs(nanosecondsText(ns)) * 1e6), `${ns} ns`).toBe(ns);
  }
});
