import { expect, test } from "vitest";
import { newFiringRecord } from "./firing-outcome.ts";
import type { ConcurrencyRule, NewJob } from "./records.ts";

function whySkipped(rule: ConcurrencyRule, holderId?: string): string {
  const firing = { id: "id", scheduledAtUs: 0, requested: false, what: { job: {} as NewJob } };
  const job = { kind: "rejected", rule, holderId } as const;
  const { outcome, jobId, error } = newFiringRecord(firing, { seq: 1, sourceId: "source", firedAtUs: 0, job });
  expect({ outcome, jobId }).toEqual({ outcome: "skipped", jobId: "" });
  return error;
}

test("a firing that was skipped names the job that has not ended", () => {
  expect(whySkipped({ key: "k", limit: 1, policy: "rejectNew" }, "one")).toBe(
    'job "one" has not ended: concurrency key "k"',
  );
  expect(whySkipped({ key: "k", limit: 3, policy: "rejectNew" }, "one")).toBe(
    'job "one" and 2 more have not ended: concurrency key "k"',
  );
  expect(whySkipped({ key: "k", limit: 1, policy: "wait", maxWaiting: 1 }, "one")).toBe(
    'job "one" has not ended, and one waits: concurrency key "k"',
  );
  expect(whySkipped({ key: "k", limit: 2, policy: "wait", maxWaiting: 5 }, "one")).toBe(
    'job "one" and 1 more have not ended, and 5 wait: concurrency key "k"',
  );
  expect(whySkipped({ key: "k", limit: 1, policy: "rejectNew" })).toBe(
    'a job before it has not ended: concurrency key "k"',
  );
});
