import { expect, it } from "vitest";
import { lineAction } from "./line-keys.ts";
import { COLLAPSED, ERROR, PARENT } from "./span-facts.ts";

const lines = {
  count: 4,
  depth: Int32Array.of(0, 1, 2, 1),
  facts: Uint8Array.of(PARENT, PARENT, ERROR, PARENT | COLLAPSED),
};
const press = (key: string, selected: number) => lineAction(key, { lines, selected, page: 10 });

it("arrows go up and down and stop at the ends", () => {
  expect(press("ArrowDown", -1)).toEqual({ kind: "select", line: 0 });
  expect(press("ArrowDown", 3)).toEqual({ kind: "select", line: 3 });
  expect(press("PageUp", 2)).toEqual({ kind: "select", line: 0 });
  expect(press("End", 0)).toEqual({ kind: "select", line: 3 });
});

it("left folds, then goes to the parent; right unfolds, then goes to the first child", () => {
  expect(press("ArrowLeft", 1)).toEqual({ kind: "fold", line: 1 });
  expect(press("ArrowLeft", 3)).toEqual({ kind: "select", line: 0 });
  expect(press("ArrowLeft", 2)).toEqual({ kind: "select", line: 1 });
  expect(press("ArrowRight", 3)).toEqual({ kind: "fold", line: 3 });
  expect(press("ArrowRight", 0)).toEqual({ kind: "select", line: 1 });
  expect(press("ArrowRight", 2)).toBeUndefined();
});

it("e goes from failure to failure, and other keys are the page's", () => {
  expect(press("e", -1)).toEqual({ kind: "select", line: 2 });
  expect(press("e", 2)).toBeUndefined();
  expect(press("E", 3)).toEqual({ kind: "select", line: 2 });
  expect(press("j", 1)).toBeUndefined();
  expect(press("toString", 1)).toBeUndefined();
  expect(lineAction("ArrowDown", { lines: { ...lines, count: 0 }, selected: -1, page: 5 })).toBeUndefined();
});
