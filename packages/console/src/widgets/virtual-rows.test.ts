import { describe, expect, it } from "vitest";
import { isAtEnd, rowOfKey, rowsToDraw, scrollToRow } from "./virtual-rows.ts";

const area = { count: 1_000, rowHeight: 20, height: 200, scrollTop: 1_000 };

describe("rows of a long list", () => {
  it("are drawn where they are in sight, and some around", () => {
    expect(rowsToDraw(area)).toEqual([42, 68]);
    expect(rowsToDraw({ ...area, scrollTop: 0 })).toEqual([0, 18]);
    expect(rowsToDraw({ ...area, count: 3 })).toEqual([3, 3]);
    expect(rowsToDraw({ ...area, count: 0, scrollTop: 0 })).toEqual([0, 0]);
  });

  it("are scrolled to only when they are out of sight", () => {
    expect([10, 49, 50, 59, 60, 999].map((row) => scrollToRow(area, row))).toEqual([
      200, 980, 1_000, 1_000, 1_020, 19_800,
    ]);
  });

  it("know when the last is in sight", () => {
    expect([isAtEnd(area), isAtEnd({ ...area, scrollTop: 19_800 }), isAtEnd({ ...area, count: 0 })]).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("a key in a long list", () => {
  it("goes by rows, by pages and to both ends, and not beyond", () => {
    const to = (key: string, row: number) => rowOfKey(key, row, area);
    expect([to("ArrowDown", 5), to("ArrowUp", 0), to("PageDown", 5), to("PageUp", 5)]).toEqual([6, 0, 14, 0]);
    expect([to("Home", 5), to("End", 5), to("ArrowDown", 999), to("a", 5)]).toEqual([0, 999, 999, undefined]);
  });

  it("begins with a row in sight, and goes nowhere in an empty list", () => {
    expect(rowOfKey("ArrowDown", -1, area)).toBe(50);
    expect(rowOfKey("ArrowDown", -1, { ...area, count: 0 })).toBeUndefined();
  });
});
