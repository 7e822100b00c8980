import { expect, it } from "vitest";
import {
  emptySight,
  grownTo,
  type Sight,
  scaledTo,
  scrolledTo,
  showsAll,
  withDrawn,
  withNames,
  withSize,
} from "./sight.ts";

const sized = withSize(emptySight(), { width: 1_000, height: 246 });
const sight = withDrawn(sized, { whole: { from: 0, to: 1_000 }, lines: 100 });
const grown = (before: Sight) => withDrawn(before, { whole: { from: 0, to: 1_500 }, lines: 120 });
const shown = ({ scale: { from, to } }: Sight) => [from, to];

it("all of time stays all of it when there is more", () => {
  expect([shown(sight), showsAll(sight), shown(grown(sight))]).toEqual([[0, 1_000], true, [0, 1_500]]);
});

it("all of time stays all of it while it goes on, whatever was shown it is not changed by that", () => {
  const whole = Object.freeze({ from: 0, to: 1_000 });
  const later = [1_200, 1_100, 1_300].reduce(grownTo, withDrawn(sized, { whole, lines: 100 }));
  expect([shown(later), showsAll(later), later.whole]).toEqual([[0, 1_300], true, { from: 0, to: 1_300 }]);
});

it("who looks at the end goes on looking at the end, who looks elsewhere is left there", () => {
  const width = sight.scale.width;
  expect(shown(grown(scaledTo(sight, { from: 900, to: 1_000, width })))).toEqual([1_400, 1_500]);
  expect(shown(grown(scaledTo(sight, { from: 300, to: 400, width })))).toEqual([300, 400]);
});

it("lines are scrolled between the first and the last, also when there are fewer than before", () => {
  expect(scrolledTo(sight, -5).area.scrollTop).toBe(0);
  const low = scrolledTo(sight, 1e9);
  expect(low.area.scrollTop).toBe(100 * 22 - 220);
  expect(withDrawn(low, { whole: low.whole, lines: 20 }).area.scrollTop).toBe(20 * 22 - 220);
  expect(withDrawn(low, { whole: low.whole, lines: 3 }).area.scrollTop).toBe(0);
});

it("names are as wide as somebody wants, with room left for the bars", () => {
  expect([withNames(sight, 400).area.names, withNames(sight, 5).area.names]).toEqual([400, 80]);
  expect(withNames(sight, 5_000)).toMatchObject({ area: { names: 450 }, scale: { width: 550 } });
  const narrow = withSize(sight, { width: 100, height: 246 });
  expect([narrow.area.names, withSize(narrow, { width: 1_000, height: 246 }).area.names]).toEqual([45, 320]);
});

it("nothing to show is no division by nothing", () => {
  expect(
    withDrawn(withSize(emptySight(), { width: 0, height: 0 }), { whole: { from: 0, to: 1 }, lines: 0 }),
  ).toMatchObject({
    scale: { from: 0, to: 1, width: 1 },
    area: { scrollTop: 0 },
  });
});
