import { readFileSync } from "node:fs";
import { JobState, TaskState } from "@spanloom/protocol";
import { expect, test } from "vitest";
import {
  assertJobTransition,
  assertTaskTransition,
  closingState,
  isJobEnded,
  isTaskEnded,
  jobStateOf,
  jobTransitions,
  taskTransitions,
  unstartedTaskStates,
} from "./states.ts";

test("nothing leads from one ended state to another, and every ended state can be left by a retry", () => {
  for (const state of Object.values(TaskState).filter(isTaskEnded)) {
    expect(taskTransitions[state]).not.toEqual([]);
    expect(taskTransitions[state]!.filter((to) => isTaskEnded(to as TaskState))).toEqual([]);
  }
  for (const state of Object.values(JobState).filter(isJobEnded)) {
    expect(jobTransitions[state]).not.toEqual([]);
    expect(jobTransitions[state]!.filter((to) => isJobEnded(to as JobState))).toEqual([]);
  }
});

test("every state can be reached", () => {
  const reached = new Set(Object.values(taskTransitions).flat());
  for (const state of Object.values(TaskState)) expect(reached.has(state)).toBe(state !== TaskState.UNSPECIFIED);
});

test("unstarted tasks can be skipped and cancelled, running ones cannot be skipped", () => {
  for (const state of unstartedTaskStates) {
    expect(taskTransitions[state]).toContain(TaskState.SKIPPED);
    expect(taskTransitions[state]).toContain(TaskState.CANCELLED);
  }
  expect(taskTransitions[TaskState.RUNNING]).not.toContain(TaskState.SKIPPED);
});

test("a transition outside the table is refused by name", () => {
  expect(() => assertTaskTransition(TaskState.QUEUED, TaskState.RUNNING)).not.toThrow();
  expect(() => assertTaskTransition(TaskState.SUCCEEDED, TaskState.QUEUED)).toThrow(/from SUCCEEDED to QUEUED/);
  expect(() => assertTaskTransition(TaskState.QUEUED, TaskState.SUCCEEDED)).toThrow(/cannot change task/);
  expect(() => assertJobTransition(JobState.RUNNING, JobState.RUNNING)).not.toThrow();
  expect(() => assertJobTransition(JobState.FAILED, JobState.SUCCEEDED)).toThrow(/from FAILED to SUCCEEDED/);
  expect(() => assertTaskTransition(99 as TaskState, TaskState.QUEUED)).toThrow(/from 99 to QUEUED/);
});

test("a job's state follows from what is open, what began and what doomed it", () => {
  expect(jobStateOf({ started: false, doom: "none", openTasks: 1 })).toBe(JobState.QUEUED);
  expect(jobStateOf({ started: true, doom: "none", openTasks: 1 })).toBe(JobState.RUNNING);
  expect(jobStateOf({ started: true, doom: "failed", openTasks: 1 })).toBe(JobState.RUNNING);
  expect(jobStateOf({ started: true, doom: "cancelled", openTasks: 1 })).toBe(JobState.CANCELLING);
  expect(jobStateOf({ started: true, doom: "none", openTasks: 0 })).toBe(JobState.SUCCEEDED);
  expect(jobStateOf({ started: true, doom: "failed", openTasks: 0 })).toBe(JobState.FAILED);
  expect(jobStateOf({ started: false, doom: "cancelled", openTasks: 0 })).toBe(JobState.CANCELLED);
});

test("a job retried in part ends as it had ended before, unless it is doomed anew", () => {
  const facts = { started: true, doom: "none", openTasks: 0 } as const;
  expect(jobStateOf({ ...facts, kept: "failed" })).toBe(JobState.FAILED);
  expect(jobStateOf({ ...facts, kept: "cancelled" })).toBe(JobState.CANCELLED);
  expect(jobStateOf({ ...facts, kept: "failed", openTasks: 1 })).toBe(JobState.RUNNING);
  expect(jobStateOf({ ...facts, kept: "failed", doom: "cancelled" })).toBe(JobState.CANCELLED);
});

test("a parent ends as its subtree did", () => {
  expect(closingState(false, "none")).toBe(TaskState.SUCCEEDED);
  expect(closingState(true, "failed")).toBe(TaskState.FAILED);
  expect(closingState(true, "cancelled")).toBe(TaskState.CANCELLED);
});

/** What a section of docs/states.md says, as `from to`: its diagram and its table. */
function documented(section: string): { diagram: string[]; table: string[] } {
  const page = readFileSync(new URL("../../../../docs/states.md", import.meta.url), "utf8");
  const text = page.split(/^## /m).find((part) => part.startsWith(section)) ?? "";
  const matches = (pattern: RegExp, none: string) =>
    [...text.matchAll(pattern)].map(([, from, to]) => `${from === none ? "UNSPECIFIED" : from} ${to}`).sort();
  return {
    diagram: matches(/^ {2}(\S+) --> (\S+)$/gm, "[*]"),
    table: matches(/^\| (\w+) \| ([A-Z]+) \| .{10,} \|$/gm, "new"),
  };
}

test.each([
  ["Tasks", taskTransitions, TaskState],
  ["Jobs", jobTransitions, JobState],
] as const)("docs/states.md has the transitions of the table: %s", (section, transitions, states) => {
  const nameOf = (value: number | string) => Object.entries(states).find(([, number]) => number === Number(value))?.[0];
  const expected = Object.entries(transitions).flatMap(([from, to]) =>
    to.map((one) => `${nameOf(from)} ${nameOf(one)}`),
  );
  const { diagram, table } = documented(section);
  expect(table).toEqual(expected.sort());
  expect(diagram).toEqual(expected);
});
