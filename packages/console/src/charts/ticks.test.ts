import { describe, expect, it } from "vitest";
import { clockLabel, clockTicks } from "./clock-ticks.ts";
import { durationTicks, valueTicks } from "./value-ticks.ts";

describe("ticks of values", () => {
  it("are round, begin at nothing and reach what there is most", () => {
    expect(valueTicks(9, 4)).toEqual([0, 5, 10]);
    expect(valueTicks(100, 4)).toEqual([0, 50, 100]);
    expect(valueTicks(0, 4)).toEqual([0, 1]);
    expect(valueTicks(0.08, 4)).toEqual([0, 0.02, 0.04, 0.06, 0.08]);
  });

  it("of lengths of time are round in minutes, too", () => {
    expect(durationTicks(250e6, 4)).toEqual([0, 100e6, 200e6, 300e6]);
    expect(durationTicks(170e9, 3)).toEqual([0, 60e9, 120e9, 180e9]);
  });
});

describe("ticks of time", () => {
  const noon = new Date(2026, 10, 21, 12).getTime();

  it("are round by the reader's clock, no more than there is room for", () => {
    expect(clockTicks(noon + 1, noon + 3_600_000, 6).map(({ label }) => label)).toEqual([
      "12:10",
      "12:20",
      "12:30",
      "12:40",
      "12:50",
      "13:00",
    ]);
    expect(clockTicks(noon, noon + 4 * 86_400_000, 4).length).toBeLessThanOrEqual(5);
  });

  it("tell what their step needs", () => {
    expect(clockLabel(noon + 5_250, 10)).toBe("12:00:05.250");
    expect(clockLabel(noon + 5_250, 1_000)).toBe("12:00:05");
    expect(clockLabel(new Date(2026, 10, 21).getTime(), 3_600_000)).toMatch(/21/);
  });
});
