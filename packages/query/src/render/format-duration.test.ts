import { describe, expect, it } from "vitest";
import { formatDuration } from "./format-duration.ts";

describe("formatDuration", () => {
  it.each([
    [0, "0 s"],
    [1, "1 ns"],
    [999, "999 ns"],
    [999.6, "1.00 µs"],
    [1_500, "1.50 µs"],
    [99_960, "100 µs"],
    [350_000, "350 µs"],
    [999_600, "1.00 ms"],
    [12_345_678, "12.3 ms"],
    [999_600_000, "1.00 s"],
    [9_996_000_000, "10.0 s"],
    [59_940_000_000, "59.9 s"],
    [59_960_000_000, "1 m 00 s"],
    [123_000_000_000, "2 m 03 s"],
    [3_720_000_000_000, "1 h 02 m"],
    [200_000_000_000_000, "2 d 07 h"],
    [-1_500, "-1.50 µs"],
    [Number.NaN, "–"],
  ])("writes %d ns as %s", (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });
});
