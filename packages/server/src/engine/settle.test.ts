import { AttemptOutcome, TaskState } from "@spanloom/protocol";
import { expect, test } from "vitest";
import { defaultRetryRule } from "./retry-policy.ts";
import { type AttemptEnd, MAX_LOSSES, settle } from "./settle.ts";

const failure = { type: "Error", message: "no", stack: "" };
const failed: AttemptEnd = {
  kind: "failure",
  outcome: AttemptOutcome.FAILURE,
  failure,
  retryable: undefined,
  retryAfterMs: undefined,
};
const retry = { ...defaultRetryRule, maxAttempts: 3, initialDelayMs: 100, factor: 2 };
const task = { counted: 0, losses: 0, retry, doom: "none" } as const;
const half = () => 0.5;

test("success without children ends the task, with children it waits", () => {
  expect(settle(task, { kind: "success", hasChildren: false }, half)).toMatchObject({
    state: TaskState.SUCCEEDED,
    outcome: AttemptOutcome.SUCCESS,
    counted: 1,
  });
  expect(settle(task, { kind: "success", hasChildren: true }, half)).toMatchObject({ state: TaskState.WAITING });
});

test("a failure with attempts left is scheduled after its backoff, or queued when there is none", () => {
  expect(settle({ ...task, counted: 1 }, failed, half)).toMatchObject({
    state: TaskState.SCHEDULED,
    delayMs: 200,
    counted: 2,
    failure,
  });
  const eager = { ...task, retry: { ...retry, initialDelayMs: 0 } };
  expect(settle(eager, failed, half)).toMatchObject({ state: TaskState.QUEUED, delayMs: 0 });
});

test("a failure that asks for a longer wait gets it, one that asks for a shorter does not", () => {
  expect(settle(task, { ...failed, retryAfterMs: 5_000 }, half).delayMs).toBe(5_000);
  expect(settle(task, { ...failed, retryAfterMs: 5 }, half).delayMs).toBe(100);
});

test("the last attempt's failure is the task's", () => {
  expect(settle({ ...task, counted: 2 }, failed, half)).toMatchObject({ state: TaskState.FAILED, counted: 3, failure });
  expect(settle(task, { ...failed, retryable: false }, half).state).toBe(TaskState.FAILED);
});

test("a timeout follows the retry policy", () => {
  const timeout = { ...failed, outcome: AttemptOutcome.TIMEOUT };
  expect(settle(task, timeout, half)).toMatchObject({ state: TaskState.SCHEDULED, outcome: AttemptOutcome.TIMEOUT });
});

test("released and lost attempts cost no retry", () => {
  expect(settle(task, { kind: "released" }, half)).toMatchObject({ state: TaskState.QUEUED, counted: 0, losses: 0 });
  expect(settle(task, { kind: "lost" }, half)).toMatchObject({ state: TaskState.QUEUED, counted: 0, losses: 1 });
});

test("a task is queued again after ten losses and fails with the next", () => {
  expect(settle({ ...task, losses: MAX_LOSSES - 1 }, { kind: "lost" }, half).state).toBe(TaskState.QUEUED);
  expect(settle({ ...task, losses: MAX_LOSSES }, { kind: "lost" }, half)).toMatchObject({
    state: TaskState.FAILED,
    outcome: AttemptOutcome.LOST,
    failure: { type: "LeaseLost" },
  });
});

test("nothing runs again in a doomed job", () => {
  for (const doom of ["failed", "cancelled"] as const) {
    for (const end of [{ kind: "released" }, { kind: "lost" }] as const) {
      expect(settle({ ...task, doom }, end, half).state).toBe(TaskState.CANCELLED);
    }
  }
  expect(settle({ ...task, doom: "failed" }, failed, half).state).toBe(TaskState.FAILED);
  expect(settle({ ...task, doom: "cancelled" }, failed, half).state).toBe(TaskState.CANCELLED);
  const obedient = { ...failed, outcome: AttemptOutcome.CANCELLED };
  expect(settle({ ...task, doom: "failed" }, obedient, half).state).toBe(TaskState.CANCELLED);
});
