import { AttemptOutcome, JobState, TaskState } from "@spanloom/protocol";
import { expect } from "vitest";
import { retryAtOnce, taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";

/** Listings, pages, statistics, and what the lifecycle projection reads. */
export const readCases: Cases = {
  "jobs are listed newest first, by every filter, page by page": async (driver) => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const overrides = {
        name: i % 2 ? "odd" : "even",
        tags: { n: String(i), all: "yes" },
        queue: i === 4 ? "q4" : "default",
      };
      ids.push(await driver.submitJob(driver.newJob(taskSet({ name: "task" }), overrides)));
      driver.clock.advance(1);
    }
    const list = async (query: Parameters<typeof driver.store.listJobs>[0], limit = 10) =>
      (await driver.store.listJobs(query, { limit })).map(({ id }) => ids.indexOf(id));
    expect(await list({})).toEqual([4, 3, 2, 1, 0]);
    expect(await list({ name: "odd" })).toEqual([3, 1]);
    expect(await list({ tags: { all: "yes", n: "2" } })).toEqual([2]);
    expect(await list({ tags: { all: "no" } })).toEqual([]);
    expect(await list({ queue: "q4" })).toEqual([4]);
    const start = (await driver.job(ids[0]!)).createdAtUs;
    expect(await list({ createdAfterUs: start + 1_000, createdBeforeUs: start + 3_000 })).toEqual([2, 1]);
    const first = await driver.store.listJobs({}, { limit: 2 });
    const second = await driver.store.listJobs({}, { limit: 2, after: first[1]!.id });
    expect(second.map(({ id }) => ids.indexOf(id))).toEqual([2, 1]);
    const lease = await driver.claimOne();
    expect(await list({ runnerId: driver.runnerId })).toEqual([ids.indexOf(lease.jobId)]);
    await driver.succeed(lease);
    expect(await list({ states: [JobState.SUCCEEDED] })).toEqual([0]);
    expect(await list({ states: [JobState.QUEUED] })).toEqual([4, 3, 2, 1]);
    expect(await driver.store.countJobs({ name: "even" })).toEqual(
      new Map([
        [JobState.QUEUED, 2],
        [JobState.SUCCEEDED, 1],
      ]),
    );
  },

  "tasks that end without an attempt tell since when they were ready, and a pending retry its backoff": async (
    driver,
  ) => {
    const retry = { ...retryAtOnce(2), initialDelayMs: 1_000, maxDelayMs: 1_000 };
    const job = await driver.submit(
      { name: "first", retry },
      { name: "ready" },
      { name: "later", startDelayMs: 1_000 },
      { name: "blocked", after: ["first"] },
    );
    const readyUs = driver.clock.nowUs();
    await driver.fail(await driver.claimOne());
    driver.clock.advance(10);
    await driver.store.cancelJob(job, "");
    const times = (await driver.tasks(job)).map(({ name, queuedAtUs, backoffUs }) => ({ name, queuedAtUs, backoffUs }));
    expect(times).toEqual([
      { name: "first", queuedAtUs: readyUs + 1_000_000, backoffUs: 1_000_000 },
      { name: "ready", queuedAtUs: readyUs },
      { name: "later" },
      { name: "blocked" },
    ]);
    await driver.retry(job);
    expect((await driver.tasks(job))[0]!.backoffUs).toBeUndefined();
  },

  "tasks are listed by parent and state, page by page": async (driver) => {
    const job = await driver.submit({ name: "root" });
    const root = await driver.claimOne();
    await driver.succeed(root, "", taskSet({ name: "a", count: 5 }, { name: "b", count: 5 }));
    const of = async (query: object, page: object = {}) =>
      driver.store.listTasks({ jobId: job, includePayloads: false, ...query }, { limit: 4, ...page });
    const first = await of({ parentId: root.taskId });
    const second = await of({ parentId: root.taskId }, { after: first[3]!.id });
    const third = await of({ parentId: root.taskId }, { after: second[3]!.id });
    expect([...first, ...second, ...third].map(({ name }) => name).join("")).toBe("aaaaabbbbb");
    expect(first[0]!.input).toBeUndefined();
    expect(await of({ states: [TaskState.WAITING] })).toMatchObject([{ name: "root", childCount: 10 }]);
    const all = await driver.store.taskIds(job, { limit: 100 });
    expect(all).toEqual((await driver.tasks(job)).map(({ id }) => id));
    expect(await driver.store.taskIds(job, { limit: 3, after: all[4]! })).toEqual(all.slice(5, 8));
    await expect(driver.store.taskIds(driver.newId(), { limit: 1 })).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
    await expect(driver.store.getTask(driver.newId())).rejects.toMatchObject({ reason: "TASK_NOT_FOUND" });
    expect(Buffer.from((await driver.store.getTask(all[3]!)).input!).toString()).toBe("2");
  },

  "large inputs, outputs and failures come back as they were": async (driver) => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
    const set = taskSet({ name: "big" });
    const tasks = { ...set, groups: [{ ...set.groups[0]!, inputs: [bytes], displays: ["a big one"] }] };
    const job = await driver.submitJob(driver.newJob(tasks));
    const lease = await driver.claimOne();
    expect(Buffer.compare(lease.input, bytes)).toBe(0);
    expect(lease.display).toBe("a big one");
    const report = driver.success(lease);
    const result = { kind: "success" as const, output: bytes, children: undefined, display: "done" };
    await driver.report({ ...report, result, spanExtras: bytes, droppedTelemetry: 7 });
    const task = await driver.store.getTask(lease.taskId);
    expect(Buffer.compare(task.output!, bytes)).toBe(0);
    expect(task).toMatchObject({ display: "done", attempts: [{ droppedTelemetry: 7 }] });
    expect(Buffer.compare(task.attempts[0]!.spanExtras, bytes)).toBe(0);
    expect((await driver.job(job)).outputs![0]!.length).toBe(bytes.length);
  },

  "telemetry that was given up later is counted on its attempt, whichever that is": async (driver) => {
    await driver.submit({ name: "retried", retry: retryAtOnce(2) });
    const changed: string[] = [];
    driver.store.on("changed", (_, tasks) => changed.push(...tasks));
    const first = await driver.claimOne();
    const failed = driver.failure(first);
    await driver.report(failed);
    const second = await driver.claimOne();
    const succeeded = driver.success(second);
    await driver.report({ ...succeeded, droppedTelemetry: 2 });
    changed.length = 0;
    const again = { kind: "released" as const, unknownIdentifier: false };
    expect(await driver.report({ ...failed, result: again, droppedTelemetry: 5 })).toEqual(["ok"]);
    expect(await driver.report({ ...succeeded, result: again, droppedTelemetry: 9 })).toEqual(["ok"]);
    expect(await driver.report({ ...succeeded, droppedTelemetry: 3 })).toEqual(["ok"]);
    expect(await driver.report({ ...succeeded, token: first.token, droppedTelemetry: 50 })).toEqual(["stale"]);
    const task = await driver.store.getTask(first.taskId);
    expect(task).toMatchObject({ state: TaskState.SUCCEEDED });
    expect(task.attempts.map(({ droppedTelemetry }) => droppedTelemetry)).toEqual([5, 9]);
    expect(new Set(changed)).toEqual(new Set([first.taskId]));
  },

  "queue statistics count what waits, runs and is scheduled": async (driver) => {
    const queuedAtUs = driver.clock.nowUs();
    await driver.submit({ name: "a", count: 3, queue: "q" }, { name: "later", startDelayMs: 1_000, queue: "q" });
    driver.clock.advance(50);
    await driver.claim({ limit: 1, queues: ["q"] });
    const expected = {
      queue: "q",
      queued: 2,
      throttled: 0,
      scheduled: 1,
      running: 1,
      oldestQueuedAtUs: queuedAtUs,
      runners: 0,
    };
    expect(await driver.store.queueStats(["q"])).toEqual([expected]);
    expect((await driver.store.queueStats([])).map(({ queue }) => queue)).toEqual(["q"]);
    expect(await driver.store.queueStats(["none"])).toMatchObject([{ queued: 0, scheduled: 0 }]);
  },

  "the backlog shows what is open, and what was done is counted once it is committed": async (driver) => {
    const { store, clock } = driver;
    const queuedAtUs = clock.nowUs();
    await driver.submit(
      { name: "a", count: 3, queue: "q", retry: retryAtOnce(2) },
      { name: "after", after: ["a"], queue: "q" },
      { name: "later", startDelayMs: 60_000, queue: "q" },
    );
    clock.advance(2_000);
    const [first, second] = await driver.claim({ limit: 2, queues: ["q"] });
    clock.advance(7_000);
    await driver.report(driver.success(first!), { ...driver.failure(second!), droppedTelemetry: 4 });
    expect(await driver.report(driver.success(first!), driver.success(second!))).toEqual(["ok", "ok"]);
    const { queues, jobs, tasks } = await store.backlog();
    expect(queues).toEqual([
      { queue: "q", queued: 2, throttled: 0, running: 0, runners: 0, oldestQueuedAtUs: queuedAtUs },
    ]);
    expect(jobs.get(JobState.RUNNING)).toBe(1);
    expect(Object.fromEntries([...tasks].filter(([, count]) => count > 0))).toEqual({
      [TaskState.BLOCKED]: 1,
      [TaskState.SCHEDULED]: 1,
      [TaskState.QUEUED]: 2,
    });
    const { work, commitOperations, rollbacks } = store.stats;
    expect(work).toMatchObject({
      jobsSubmitted: 1,
      tasksSubmitted: 5,
      attemptsStarted: 2,
      retries: 1,
      droppedTelemetry: 4,
    });
    expect(work.attemptsEnded[AttemptOutcome.SUCCESS]).toBe(1);
    expect(work.attemptsEnded[AttemptOutcome.FAILURE]).toBe(1);
    expect(work.tasksEntered[TaskState.SUCCEEDED]).toBe(1);
    const { waited, ran } = work.queues.get("q")!;
    expect([waited.count, waited.sum, ran.count, ran.sum]).toEqual([2, 4, 2, 14]);
    expect(commitOperations.count).toBeGreaterThanOrEqual(4);
    expect(rollbacks).toBe(0);
  },

  "the lifecycle of thousands of tasks is read in bulk, with their jobs": async (driver) => {
    const job = await driver.submit({ name: "root" });
    await driver.succeed(
      await driver.claimOne(),
      "",
      taskSet({ name: "a", count: 3_000 }, { name: "z", after: ["a"] }),
    );
    await driver.drain();
    const ids = await driver.store.taskIds(job, { limit: 10_000 });
    const batch = await driver.store.readLifecycle([], [...ids, driver.newId(), "no id"]);
    expect(batch.jobs.map(({ id }) => id)).toEqual([job]);
    expect(batch.tasks.map(({ id }) => id)).toEqual(ids);
    expect(batch.tasks.at(-1)).toMatchObject({ name: "z", dependencyCount: 3_000 });
    expect(batch.tasks.at(-1)!.dependsOn).toEqual(ids.slice(1, 1_001));
    expect(batch.tasks[1]!.attempts).toHaveLength(1);
  },

  "ended jobs stay unprojected until their spans are known to be stored": async (driver) => {
    const ended = await driver.submit({ name: "task" });
    await driver.drain();
    const open = await driver.submit({ name: "task" });
    expect(await driver.store.unprojectedJobs(10)).toEqual([ended, open]);
    expect(await driver.store.unprojectedJobs(1)).toEqual([ended]);
    expect(await driver.store.unprojectedJobs(10, ended)).toEqual([open]);
    const { endedAtUs } = await driver.job(ended);
    await driver.store.markProjected(new Map([ended, open].map((id) => [id, endedAtUs!])));
    await driver.reopen();
    expect(await driver.store.unprojectedJobs(10)).toEqual([open]);
  },
};
