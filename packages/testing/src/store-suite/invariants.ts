import { AttemptOutcome, JobState, TaskState } from "@spanloom/protocol";
import type { JobRecord, TaskRecord } from "@spanloom/server/store";
import { expect } from "vitest";
import { type StoreDriver, taskStateName } from "./driver.ts";

/**
 * Holds every job a driver submitted to what a scan of its tasks says (I3, I4 of the store).
 *
 * Run after every test of the suite and within the random schedule.
 */
export async function checkInvariants(driver: StoreDriver): Promise<void> {
  for (const id of driver.jobIds) {
    checkJob(await driver.job(id), await driver.tasks(id), driver.retriedJobIds.has(id));
  }
}

function checkJob(job: JobRecord, tasks: readonly TaskRecord[], retried: boolean): void {
  const counts: Record<string, number> = Object.fromEntries(Object.keys(job.counts).map((name) => [name, 0]));
  for (const { state } of tasks) counts[taskStateName(state).toLowerCase()]!++;
  expect(job.counts, `counters of job ${job.id}`).toEqual(counts);
  const attempts = tasks.reduce((sum, task) => sum + task.attempts.length, 0);
  expect(job.attempts, `attempts of job ${job.id}`).toBe(attempts);
  const open = tasks.filter(({ state }) => state < TaskState.SUCCEEDED).length;
  expect(job.state >= JobState.SUCCEEDED, `job ${job.id} has ended`).toBe(open === 0);
  expect(job.endedAtUs !== undefined, `job ${job.id} has an end`).toBe(open === 0);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const children = childrenOf(tasks);
  for (const task of tasks) checkTask(task, children.get(task.id) ?? []);
  for (const task of tasks) checkDependencies(task, byId, retried);
}

function childrenOf(tasks: readonly TaskRecord[]): Map<string, TaskRecord[]> {
  const children = new Map<string, TaskRecord[]>();
  for (const task of tasks) {
    if (task.parentId !== undefined) children.set(task.parentId, [...(children.get(task.parentId) ?? []), task]);
  }
  return children;
}

function checkTask(task: TaskRecord, children: readonly TaskRecord[]): void {
  const what = `task ${task.name} ${task.id} ${taskStateName(task.state)}`;
  expect(task.childCount, `children of ${what}`).toBe(children.length);
  const openChildren = children.filter(({ state }) => state < TaskState.SUCCEEDED).length;
  if (task.state === TaskState.WAITING) expect(openChildren, `open children of ${what}`).toBeGreaterThan(0);
  else expect(openChildren, `open children of ${what}`).toBe(0);
  if (task.state === TaskState.SUCCEEDED) {
    for (const child of children)
      expect(endedWell(child), `${what} succeeded although ${child.name} did not`).toBe(true);
  }
  checkAttempts(task, what);
}

function checkDependencies(task: TaskRecord, byId: ReadonlyMap<string, TaskRecord>, retried: boolean): void {
  const what = `task ${task.name} ${task.id} ${taskStateName(task.state)}`;
  const dependencies = task.dependsOn.map((id) => byId.get(id)!);
  const openDependencies = dependencies.filter(({ state }) => state < TaskState.SUCCEEDED).length;
  if (task.state === TaskState.BLOCKED) expect(openDependencies, `dependencies of ${what}`).toBeGreaterThan(0);
  if (task.state === TaskState.QUEUED || task.state === TaskState.RUNNING)
    expect(openDependencies, `open dependencies of ${what}`).toBe(0);
  // A retry may run what a finished task had seen fail, or what was below it, again.
  if (retried || task.attempts.length === 0) return;
  for (const dependency of dependencies)
    expect(endedWell(dependency), `${what} ran before ${dependency.name}`).toBe(true);
}

function endedWell(task: TaskRecord): boolean {
  return task.state === TaskState.SUCCEEDED || (task.optional && task.state === TaskState.FAILED);
}

function checkAttempts(task: TaskRecord, what: string): void {
  expect(
    task.attempts.map(({ number }) => number),
    `attempt numbers of ${what}`,
  ).toEqual(task.attempts.map((_, i) => i + 1));
  const running = task.attempts.filter(({ outcome }) => outcome === AttemptOutcome.UNSPECIFIED);
  expect(running.length, `running attempts of ${what}`).toBe(task.state === TaskState.RUNNING ? 1 : 0);
  const succeeded = task.attempts.filter(({ outcome }) => outcome === AttemptOutcome.SUCCESS);
  expect(succeeded.length, `successes of ${what}`).toBeLessThanOrEqual(1);
  const ended = task.state >= TaskState.SUCCEEDED;
  expect(task.endedAtUs !== undefined, `end of ${what}`).toBe(ended);
  for (const attempt of task.attempts) {
    expect(attempt.leasedAtUs, `times of ${what}`).toBeGreaterThanOrEqual(attempt.queuedAtUs);
    expect(attempt.endedAtUs ?? attempt.leasedAtUs, `times of ${what}`).toBeGreaterThanOrEqual(attempt.leasedAtUs);
  }
}
