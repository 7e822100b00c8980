import { expect, it } from "vitest";
import { beginDrag, dragged } from "./minimap-drag.ts";
import { emptySight, type Sight, scaledTo, withDrawn, withSize } from "./sight.ts";

const whole = { from: 0, to: 1_000 };
const all = withDrawn(withSize(emptySight(), { width: 800, height: 200 }), { whole, lines: 5 });
const part = scaledTo(all, { ...all.scale, from: 200, to: 300 });
const drag = (sight: Sight, fromX: number, x: number) => {
  const { from, to } = dragged(beginDrag(sight, 500, fromX), sight, { mapWidth: 500, x });
  return [from, to];
};

it("a drag over all of time chooses what is shown, in either direction and past the edge", () => {
  expect([drag(all, 100, 150), drag(all, 150, 100), drag(all, 450, 900)]).toEqual([
    [200, 300],
    [200, 300],
    [900, 1_000],
  ]);
});

it("a drag of what is shown moves it, up to the end of time", () => {
  expect([drag(part, 125, 175), drag(part, 125, 2_000)]).toEqual([
    [300, 400],
    [900, 1_000],
  ]);
});

it("a click beside what is shown brings it there, and a drag from there chooses anew", () => {
  expect([drag(part, 400, 401), drag(part, 400, 450)]).toEqual([
    [752, 852],
    [800, 900],
  ]);
});
