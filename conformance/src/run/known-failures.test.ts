import { expect, test } from "vitest";
import { judge, readKnownFailures, strayEntries } from "./known-failures.ts";
import type { CaseResult } from "./subject.ts";

const failure = { line: 1, step: "s", path: "", expected: "x", actual: "y" };

function result(name: string, variant: string, failed: boolean): CaseResult {
  const base = { suite: "s", name, variant, proves: ["1.1"], file: "s.yaml", line: 1, durationMs: 1 };
  return failed ? { ...base, failure } : base;
}

const list = readKnownFailures(
  "list.yaml",
  '- { case: "s: a", reason: because }\n- { case: "s: b", variants: [grpc], reason: because }',
);

test("a listed case that fails is known, one that passes is unexpected", () => {
  const results = [result("a", "json", true), result("a", "grpc", false), result("c", "json", true)];
  expect(judge(results, list).map(({ outcome }) => outcome)).toEqual(["known", "unexpected", "failed"]);
});

test("an entry with variants is about those alone", () => {
  const results = [result("b", "grpc", true), result("b", "json", true), result("b", "connect", false)];
  expect(judge(results, list).map(({ outcome }) => outcome)).toEqual(["known", "failed", "passed"]);
});

test("an entry for a case that is not there, or not in that variant, is a stray", () => {
  const cases = [{ suite: "s", name: "b", variants: ["json"] }];
  expect(strayEntries(list, cases, ["json", "grpc"]).map((entry) => entry.case)).toEqual(["s: a", "s: b"]);
});

test("a list without entries is one", () => {
  expect(readKnownFailures("list.yaml", "# none\n")).toEqual([]);
  expect(readKnownFailures("list.yaml", "[]")).toEqual([]);
});

test("an entry without a reason is refused", () => {
  expect(() => readKnownFailures("list.yaml", '- { case: "s: a" }')).toThrow(
    'cannot read list.yaml:1: [0]: the field "reason" is missing',
  );
});
