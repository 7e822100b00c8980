import { expect, test } from "vitest";
import { Places } from "./places.ts";

test("as many are in as there are places, and who waits comes in their order", async () => {
  const places = new Places(2);
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const entered: number[] = [];
  const all = gates.map((gate, at) =>
    places.with(async () => {
      entered.push(at);
      await gate.promise;
      return at;
    }),
  );
  expect(entered).toEqual([0, 1]);
  gates[1]!.resolve();
  await all[1];
  await expect.poll(() => entered).toEqual([0, 1, 2]);
  for (const gate of gates) gate.resolve();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
});

test("a place is free again when what was done in it failed", async () => {
  const places = new Places(1);
  const failing = places.with(() => Promise.reject(new Error("failed")));
  const next = places.with(() => Promise.resolve("next"));
  await expect(failing).rejects.toThrow("failed");
  expect(await next).toBe("next");
});
