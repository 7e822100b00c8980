import { type Table, tableFromArrays } from "apache-arrow";
import { expect, test } from "vitest";
import { formatBytes } from "./results-view.ts";
import { countAttempts, slowestBranch } from "./trace-facts.ts";

type Row = [id: string, parent: string | null, type: string, startMs: number, endMs: number, outcome?: string];

/** One job: root task r submits a, which waits long in its queue, and b, which works longest. */
const rows: Row[] = [
  ["job", null, "job", 0, 100],
  ["r", "job", "task", 0, 100],
  ["r1", "r", "attempt", 0, 5],
  ["a", "r1", "task", 5, 100],
  ["a1", "a", "attempt", 90, 100],
  ["b", "r1", "task", 5, 80],
  ["b1", "b", "attempt", 10, 30, "lost"],
  ["b2", "b", "attempt", 40, 80],
  ["b2-child", "b2", "user", 41, 79],
];

function spans(of: readonly Row[]): Table {
  return tableFromArrays({
    span_id: of.map(([id]) => id),
    parent_span_id: of.map(([, parent]) => parent),
    type: of.map(([, , type]) => type),
    start_time: Float64Array.from(of.map(([, , , startMs]) => startMs)),
    end_time: Float64Array.from(of.map(([, , , , endMs]) => endMs)),
    outcome: of.map(([, , , , , outcome]) => outcome ?? ""),
  });
}

test("the slowest branch is the one that worked longest, lost attempts included, not the one that waited", () => {
  expect(slowestBranch(spans(rows))).toBe("b");
});

test("a job whose root submitted nothing has no slowest branch", () => {
  expect(slowestBranch(spans(rows.slice(0, 3)))).toBeUndefined();
});

test("attempts are counted by outcome", () => {
  expect([countAttempts(spans(rows), "lost"), countAttempts(spans(rows), "failure")]).toEqual([1, 0]);
});

test("a table without the columns needed is refused", () => {
  expect(() => countAttempts(tableFromArrays({ span_id: ["a"] }), "lost")).toThrow('no column "type"');
});

test("bytes are written with the unit that suits them", () => {
  expect([0, 999, 1_000, 1_500_000, 569_000_000].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "1.5 MB",
    "569.0 MB",
  ]);
});
