import { expect, test } from "vitest";
import { fittingList, formatBytes } from "./results-view.ts";

test("a list ends with the last item that fits", () => {
  const items = ["one", "two", "three"];
  expect(fittingList("all: ", items, 80)).toBe("all: one, two, three");
  expect(fittingList("all: ", items, 13)).toBe("all: one, two");
  expect(fittingList("all: ", items, 12)).toBe("all: one");
  expect(fittingList("all: ", [], 12)).toBe("all: ");
});

test("bytes are shown in the unit people would choose", () => {
  expect([0, 999, 1_000, 999_499, 1_234_567].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "999.5 kB",
    "1.2 MB",
  ]);
});
