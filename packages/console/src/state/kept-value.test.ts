import { describe, expect, it } from "vitest";
import { KeptValue } from "./kept-value.ts";

function keeperOf(kept: Record<string, string>) {
  return {
    getItem: (key: string) => kept[key] ?? null,
    setItem: (key: string, value: string) => {
      kept[key] = value;
    },
    removeItem: (key: string) => {
      delete kept[key];
    },
  };
}

describe("a value that the browser keeps", () => {
  it("is there at the next visit, and gone when it is emptied", () => {
    const kept: Record<string, string> = {};
    const value = new KeptValue("k", keeperOf(kept));
    let changes = 0;
    const stop = value.subscribe(() => changes++);
    value.set("a");
    value.set("a");
    expect([kept, changes, new KeptValue("k", keeperOf(kept)).get()]).toEqual([{ k: "a" }, 1, "a"]);
    stop();
    value.set("");
    expect([kept, changes, value.get()]).toEqual([{}, 1, ""]);
  });

  it("lasts as long as the page where nothing may be kept", () => {
    const value = new KeptValue("k", undefined);
    value.set("a");
    expect(value.get()).toBe("a");
  });
});
