import { describe, expect, it } from "vitest";
import { JobChanges } from "./job-changes.ts";
import { storeStub } from "./testing/stubs.ts";

function setUp() {
  const store = storeStub();
  const changes = new JobChanges(store);
  changes.start();
  const never = new AbortController().signal;
  return { store, changes, never };
}

describe("watchers of jobs", () => {
  it("hear of jobs they asked for, whichever server changed them", async () => {
    const { store, changes, never } = setUp();
    const watch = changes.watch("changed", ["a", "b"]);
    store.emit("changed", new Set(["a", "c"]), new Set());
    expect(await watch.next(never)).toEqual(["a"]);
    store.emit("elsewhere", new Set(["b", "c"]));
    expect(await watch.next(never)).toEqual(["b"]);
  });

  it("are sent to look for themselves when signals may have been missed", async () => {
    const { store, changes, never } = setUp();
    const changed = changes.watch("changed", ["a", "b"]);
    const ended = changes.watch("ended", ["a"]);
    store.emit("missed");
    expect(await changed.next(never)).toEqual(["a", "b"]);
    expect(await ended.next(never)).toEqual(["a"]);
  });
});
