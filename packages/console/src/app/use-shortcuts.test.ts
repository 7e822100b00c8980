import { expect, it } from "vitest";
import { navigation } from "./navigation.ts";
import { ShortcutReader } from "./use-shortcuts.ts";

it("a g and a letter lead to each page, the letter in time", () => {
  for (const { key, path } of navigation) {
    const reader = new ShortcutReader();
    expect(reader.read("g", 0)).toBeUndefined();
    expect(reader.read(key, 1_000)).toEqual({ kind: "go", path });
    expect(reader.read(key, 1_100)).not.toEqual({ kind: "go", path });
  }
  const late = new ShortcutReader();
  late.read("g", 0);
  expect(late.read("q", 2_000)).toBeUndefined();
});

it("single keys search, help and walk through rows; others do nothing", () => {
  const reader = new ShortcutReader();
  expect(["/", "?", "j", "k", "x"].map((key) => reader.read(key, 0))).toEqual([
    { kind: "search" },
    { kind: "help" },
    { kind: "row", step: 1 },
    { kind: "row", step: -1 },
    undefined,
  ]);
});

it("no two pages have the same letter", () => {
  expect(new Set(navigation.map(({ key }) => key)).size).toBe(navigation.length);
});
