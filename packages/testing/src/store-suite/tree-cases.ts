import { TaskState } from "@spanloom/protocol";
import { expect } from "vitest";
import { taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";

/** Fan-out, dependencies and the completion of subtrees. */
export const treeCases: Cases = {
  "a job of one task runs from QUEUED to SUCCEEDED and keeps the root's output": async (driver) => {
    const job = await driver.submit({ name: "root" });
    expect(await driver.jobState(job)).toBe("QUEUED");
    const lease = await driver.claimOne();
    expect(await driver.jobState(job)).toBe("RUNNING");
    driver.clock.advance(5);
    expect(await driver.succeed(lease, "42")).toBe("ok");
    const record = await driver.job(job);
    expect(record).toMatchObject({
      attempts: 1,
      startedAtUs: driver.clock.nowUs() - 5_000,
      endedAtUs: driver.clock.nowUs(),
    });
    expect(record.outputs?.map((output) => Buffer.from(output).toString())).toEqual(["42"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a fan-out keeps inputs, order, parent and the attempt that submitted it": async (driver) => {
    const job = await driver.submit({ name: "root" });
    const root = await driver.claimOne();
    await driver.succeed(root, "", taskSet({ name: "leaf", count: 2_500 }));
    expect(await driver.states(job)).toEqual({ root: "WAITING", leaf: "QUEUED" });
    const leases = [...(await driver.claim()), ...(await driver.claim()), ...(await driver.claim())];
    expect(leases.map(({ input }) => Buffer.from(input).toString())).toEqual(
      Array.from({ length: 2_500 }, (_, i) => String(i)),
    );
    expect(new Set(leases.map(({ parentId }) => parentId))).toEqual(new Set([root.taskId]));
    await driver.report(...leases.map((lease) => driver.success(lease)));
    const tasks = await driver.tasks(job);
    expect(tasks.map(({ id }) => id)).toEqual([root.taskId, ...leases.map(({ taskId }) => taskId)]);
    expect(tasks[1]).toMatchObject({ parentAttempt: 1, depth: 1, state: TaskState.SUCCEEDED });
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a task waits for the whole subtree of what it depends on": async (driver) => {
    const job = await driver.submit({ name: "first" }, { name: "second", after: ["first"] });
    const first = await driver.claimOne();
    await driver.succeed(first, "", taskSet({ name: "child", count: 2 }));
    expect(await driver.states(job)).toEqual({ first: "WAITING", second: "BLOCKED", child: "QUEUED" });
    const [one, two] = await driver.claim();
    await driver.succeed(one!);
    expect(await driver.claim()).toEqual([]);
    await driver.succeed(two!);
    expect((await driver.claimOne()).name).toBe("second");
  },

  "a lease carries the outputs of its dependencies in submission order": async (driver) => {
    const job = await driver.submit({ name: "a", count: 3 }, { name: "b" }, { name: "sum", after: ["b", "a"] });
    for (const lease of [...(await driver.claim())].reverse())
      await driver.succeed(lease, `${lease.name}${lease.input}`);
    const sum = await driver.claimOne();
    const outputs = sum.dependencies.map(({ output }) => Buffer.from(output).toString().slice(0, 1));
    expect(outputs).toEqual(["a", "a", "a", "b"]);
    expect(sum.dependenciesPaged).toBe(false);
    const tasks = await driver.tasks(job);
    expect(tasks.at(-1)).toMatchObject({ dependsOn: tasks.slice(0, 4).map(({ id }) => id), dependencyCount: 4 });
  },

  "outputs too large for a lease are paged, each exactly once": async (driver) => {
    await driver.submit({ name: "part", count: 30 }, { name: "merge", after: ["part"] });
    const parts = await driver.claim();
    const output = "x".repeat(100_000);
    await driver.report(...parts.map((lease) => driver.success(lease, output)));
    const merge = await driver.claimOne();
    expect(merge.dependenciesPaged).toBe(true);
    const seen: string[] = [];
    let offset: number | undefined = 0;
    let pages = 0;
    while (offset !== undefined) {
      const page = await driver.store.dependencyOutputs(merge, { offset, limit: 1_000, maxBytes: 1_000_000 });
      for (const dependency of page.dependencies) {
        expect(dependency.output.length).toBe(output.length);
        seen.push(dependency.taskId);
      }
      offset = page.nextOffset;
      pages++;
    }
    expect(seen).toEqual(parts.map(({ taskId }) => taskId));
    expect(pages).toBeGreaterThan(2);
    const stale = { ...merge, attempt: 2 };
    const page = driver.store.dependencyOutputs(stale, { offset: 0, limit: 1, maxBytes: 1 });
    await expect(page).rejects.toMatchObject({ reason: "STALE_LEASE" });
  },

  "a chain of nested tasks closes all its ancestors at once": async (driver) => {
    const job = await driver.submit({ name: "step" });
    for (let depth = 0; depth < 300; depth++)
      await driver.succeed(await driver.claimOne(), "", taskSet({ name: "step" }));
    expect((await driver.job(job)).counts).toMatchObject({ waiting: 300, queued: 1 });
    await driver.succeed(await driver.claimOne());
    expect((await driver.job(job)).counts).toMatchObject({ waiting: 0, succeeded: 301 });
  },

  "children inherit their parent's queue; names, versions and priorities are kept": async (driver) => {
    const job = await driver.submitJob(driver.newJob(taskSet({ name: "root", queue: "gpu" }), { priority: 3 }));
    expect(await driver.claim()).toEqual([]);
    const root = await driver.claimOne({ queues: ["gpu"] });
    await driver.succeed(
      root,
      "",
      taskSet({ name: "leaf" }, { name: "other", queue: "default", minor: 2, priority: -1 }),
    );
    const tasks = await driver.tasks(job);
    expect(tasks.map(({ queue, priority, minor }) => [queue, priority, minor])).toEqual([
      ["gpu", 3, 0],
      ["gpu", 3, 0],
      ["default", -1, 2],
    ]);
  },

  "start times hold roots back, start delays count from when dependencies are done": async (driver) => {
    const tasks = taskSet({ name: "a" }, { name: "b", after: ["a"], startDelayMs: 500 });
    const startAtUs = driver.clock.nowUs() + 1_000_000;
    const job = await driver.submitJob(driver.newJob(tasks, { startAtUs }));
    expect(await driver.states(job)).toEqual({ a: "SCHEDULED", b: "BLOCKED" });
    expect(await driver.store.maintain(100)).toMatchObject({ woken: 0, nextDueUs: startAtUs });
    driver.clock.advance(1_000);
    expect(await driver.store.maintain(100)).toMatchObject({ woken: 1, nextDueUs: undefined });
    await driver.succeed(await driver.claimOne());
    expect(await driver.states(job)).toEqual({ a: "SUCCEEDED", b: "SCHEDULED" });
    driver.clock.advance(500);
    expect(await driver.store.maintain(100)).toMatchObject({ woken: 1 });
    expect(await driver.drain()).toEqual(["b"]);
  },
};
