import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { DefinitionRecord, NewDefinition } from "../store/trigger-store.ts";
import { changeDefinition } from "./definition-change.ts";

const key = { kind: "schedule", name: "s" } as const;

function definition(body: number): NewDefinition {
  return { ...key, id: "id", body: Uint8Array.of(body), paused: false, pauseReason: "", keepFirings: 1 };
}

/** A store that answers a turn later, so that callers see each other's changes late. */
function slowStore() {
  let stored: DefinitionRecord | undefined;
  return {
    get: async () => {
      await nextTurn();
      return stored;
    },
    put: async (written: NewDefinition, revision: number) => {
      await nextTurn();
      if ((stored?.revision ?? 0) !== revision) return undefined;
      stored = { ...written, revision: revision + 1, createdAtUs: 0, updatedAtUs: 0 };
      return stored;
    },
  };
}

test("of fifty who change a definition at once each is through, one after the other", async () => {
  const store = slowStore();
  const changes = Array.from({ length: 50 }, (_, body) => changeDefinition(store, key, () => definition(body)));
  const changed = await Promise.all(changes);
  const revisions = changed.map(({ record }) => record.revision).sort((a, b) => a - b);
  expect(revisions).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  expect(changed.filter(({ created }) => created)).toHaveLength(1);
});

test("who is never through is told so, and may try again", async () => {
  const store = { get: async () => undefined, put: async () => undefined };
  await expect(changeDefinition(store, key, () => definition(1))).rejects.toMatchObject({
    reason: "STORE_UNAVAILABLE",
  });
});
