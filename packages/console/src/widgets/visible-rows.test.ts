import { expect, it } from "vitest";
import { visibleRows } from "./visible-rows.ts";

it("rows are drawn where they are seen, and all of them take their place", () => {
  for (const top of [0, 500, 26_000, 999_999]) {
    const { from, to, aboveHeight, belowHeight } = visibleRows(1_000, 28, { top, height: 400 });
    expect(aboveHeight + belowHeight + (to - from) * 28, `at ${top}`).toBe(28_000);
    expect(to - from, `at ${top}`).toBeLessThan(45);
    const last = Math.min(28_000, top + 400);
    if (top < 28_000) expect([from * 28 <= top, to * 28 >= last]).toEqual([true, true]);
  }
  expect(visibleRows(0, 28, { top: 0, height: 400 })).toEqual({ from: 0, to: 0, aboveHeight: 0, belowHeight: 0 });
});
