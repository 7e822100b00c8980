import { expect, it } from "vitest";
import { lazyComponent } from "./lazy-view.tsx";

const Shown = () => null;

it("loads once however often it is asked for", async () => {
  let loads = 0;
  const lazy = lazyComponent(async () => {
    loads += 1;
    return Shown;
  });
  expect(lazy.loaded).toBeUndefined();
  await Promise.all([lazy.load(), lazy.load()]);
  await lazy.load();
  expect([lazy.loaded, loads]).toEqual([Shown, 1]);
});

it("loads again after it failed", async () => {
  let loads = 0;
  const lazy = lazyComponent(async () => {
    loads += 1;
    if (loads === 1) throw new TypeError("Failed to fetch dynamically imported module");
    return Shown;
  });
  await expect(lazy.load()).rejects.toThrow("dynamically imported");
  expect(lazy.loaded).toBeUndefined();
  await lazy.load();
  expect(lazy.loaded).toBe(Shown);
});
