import { expect, it } from "vitest";
import { hitTest, lineAt, linesInSight, scrollAround, scrollTo } from "./hit-test.ts";
import { emptyLines } from "./visible-lines.ts";

const lines = emptyLines(100);
lines.below[2] = 5;
lines.depth[2] = 1;
lines.start.fill(100);
lines.end.fill(200);
lines.end[3] = Number.NaN;
const area = { top: 30, lineHeight: 20, scrollTop: 10, names: 200 };
const scale = { from: 0, to: 400, width: 400 };
const at = (x: number, y: number) => hitTest({ lines, area, scale, now: 350 }, { x, y });

it("lines are found where they are drawn", () => {
  expect([lineAt(area, 100, 29), lineAt(area, 100, 30), lineAt(area, 100, 40)]).toEqual([-1, 0, 1]);
  expect(lineAt({ ...area, scrollTop: 1_990 }, 100, 45)).toBe(-1);
  expect(linesInSight(area, 100, 130)).toEqual([0, 6]);
  expect(linesInSight({ ...area, scrollTop: 1_960 }, 100, 130)).toEqual([98, 100]);
});

it("the mark that folds, the name, the bar and the time beside it are told apart", () => {
  const y = 65;
  expect(at(17, y)).toEqual({ line: 2, part: "fold" });
  expect(at(5, y)).toEqual({ line: 2, part: "name" });
  expect(at(350, y)).toEqual({ line: 2, part: "bar" });
  expect(at(298, y)).toEqual({ line: 2, part: "bar" });
  expect(at(280, y)).toEqual({ line: 2, part: "time" });
  expect(at(17, 85)).toEqual({ line: 3, part: "name" });
});

it("an open span is hit up to now", () => {
  expect(at(540, 85)).toEqual({ line: 3, part: "bar" });
  expect(at(540, 65)).toEqual({ line: 2, part: "time" });
});

it("a line is scrolled to only when it is out of sight", () => {
  expect(scrollTo(area, 3, 130)).toBe(10);
  expect(scrollTo(area, 0, 130)).toBe(0);
  expect(scrollTo(area, 50, 130)).toBe(920);
});

it("a line that is gone to has others around it", () => {
  // 230 high below the top of 30: ten lines.
  const sight = { ...area, scrollTop: 200 };
  expect([12, 17].map((line) => scrollAround(sight, line, 230))).toEqual([200, 200]);
  expect([11, 18, 50].map((line) => scrollAround(sight, line, 230))).toEqual([130, 270, 910]);
  expect(scrollAround(sight, 1, 230)).toBe(0);
});
