import type { PathKind, PathSegment } from "@spanloom/query";
import { describe, expect, it } from "vitest";
import { longestSteps, partsByKind, partsByName, pathNs, stripOf } from "./path-parts.ts";

function segment(kind: PathKind, durationNs: number, name = "work"): PathSegment {
  return {
    kind,
    durationNs,
    name,
    startNs: 0n,
    depth: 1,
    type: "attempt",
    outcome: "success",
    spanId: "feed",
    taskId: "t",
    attempt: 1,
    queue: "default",
    runnerId: "r",
  };
}

describe("what a path is made of", () => {
  const path = [segment("queued", 10), segment("running", 50), segment("queued", 30, "wait"), segment("running", 60)];

  it("sums by kind, the most first", () => {
    expect(partsByKind(path)).toEqual([
      { kind: "running", ns: 110 },
      { kind: "queued", ns: 40 },
    ]);
  });

  it("sums by kind and name, and knows the longest of each", () => {
    const parts = partsByName(path).map(({ kind, name, ns, steps, longest }) => [
      kind,
      name,
      ns,
      steps,
      longest.durationNs,
    ]);
    expect(parts).toEqual([
      ["running", "work", 110, 2, 60],
      ["queued", "wait", 30, 1, 30],
      ["queued", "work", 10, 1, 10],
    ]);
  });

  it("shows the longest steps in order of time and counts the others where they lie", () => {
    const many = [segment("running", 1), segment("running", 2), segment("queued", 50), segment("running", 3)];
    expect(longestSteps(many, 1)).toEqual([
      { hidden: 2, ns: 3, fromNs: 0 },
      { segment: many[2], fromNs: 3 },
      { hidden: 1, ns: 3, fromNs: 53 },
    ]);
    expect(longestSteps(many, 9).map(({ fromNs }) => fromNs)).toEqual([0, 1, 3, 53]);
  });
});

describe("the strip of a path", () => {
  it("has each column of the kind that took most of it, joined to runs without a gap", () => {
    const strip = stripOf([segment("queued", 26), segment("running", 73), segment("overhead", 1)], 10);
    expect(strip).toEqual([
      { kind: "queued", from: 0, to: 3 },
      { kind: "running", from: 3, to: 10 },
    ]);
  });

  it("follows many steps within one column and one step over many", () => {
    const many = Array.from({ length: 1_000 }, (_, at) => segment(at < 500 ? "blocked" : "backoff", 1));
    expect(stripOf(many, 4)).toEqual([
      { kind: "blocked", from: 0, to: 2 },
      { kind: "backoff", from: 2, to: 4 },
    ]);
    expect(stripOf([segment("running", 7)], 400)).toEqual([{ kind: "running", from: 0, to: 400 }]);
  });

  it("is empty for a path that took no time", () => {
    expect([stripOf([], 10), stripOf([segment("running", 0)], 10), pathNs([])]).toEqual([[], [], 0]);
  });
});
