import { expect, it } from "vitest";
import { nextBox } from "./next-box.ts";

// 0 | 1 above 2 | 3 far right, at the height of 2.
const places = { x: Float64Array.of(0, 200, 200, 900), y: Float64Array.of(30, 0, 60, 60) };

it("an arrow goes to the nearest box it points to", () => {
  const to = (key: string, from: number) => nextBox(key, from, places);
  expect([to("ArrowRight", 0), to("ArrowDown", 1), to("ArrowUp", 2), to("ArrowRight", 2), to("ArrowLeft", 3)]).toEqual([
    1, 2, 1, 3, 2,
  ]);
});

it("an arrow to where nothing is stays, and begins with the first box", () => {
  expect([nextBox("ArrowLeft", 0, places), nextBox("ArrowDown", -1, places), nextBox("a", 0, places)]).toEqual([
    0,
    0,
    undefined,
  ]);
});
