import { describe, expect, it } from "vitest";
import { emptyHeat, HEAT_BINS, heatBin, heatEdge, heatRows } from "./heat-grid.ts";

describe("bins of durations", () => {
  it("each begin with their edge, and hold all up to the next", () => {
    for (let bin = 0; bin < HEAT_BINS - 1; bin++) {
      expect([heatBin(heatEdge(bin)), heatBin(heatEdge(bin + 1) * (1 - 1e-12))], `bin ${bin}`).toEqual([bin, bin]);
    }
  });

  it("take what is shorter or longer than any", () => {
    expect([heatBin(0), heatBin(-1), heatBin(Number.NaN), heatBin(1e30)]).toEqual([0, 0, 0, HEAT_BINS - 1]);
    expect(heatEdge(heatBin(3_200_000))).toBe(3_150_000);
  });
});

describe("rows of a heat map", () => {
  it("are those that there is something in, with all that there is", () => {
    const heat = emptyHeat(3);
    heat.counts[heatBin(1e6) * 3 + 1] = 5;
    heat.errors[heatBin(1e6) * 3 + 1] = 2;
    heat.counts[heatBin(2e6) * 3] = 7;
    const rows = heatRows(heat, 40);
    expect(rows).toMatchObject({ firstBin: heatBin(1e6), binsPerRow: 1, rows: 10, most: 7 });
    expect([...(rows?.counts ?? [])].slice(0, 12)).toEqual([0, 5, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0]);
    expect(rows?.errors[1]).toBe(2);
  });

  it("hold several bins each where there would be too many", () => {
    const heat = emptyHeat(1);
    for (const ns of [1e3, 1e12]) heat.counts[heatBin(ns)] = 1;
    const rows = heatRows(heat, 20)!;
    expect(rows).toMatchObject({ binsPerRow: 5, rows: 19 });
    expect(rows.counts.reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  it("are none where there is nothing", () => {
    expect(heatRows(emptyHeat(3), 40)).toBeUndefined();
  });
});
