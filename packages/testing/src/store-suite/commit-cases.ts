import { AttemptOutcome, JobState } from "@spanloom/protocol";
import type { ExchangeOutcome } from "@spanloom/server/store";
import { expect } from "vitest";
import { taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";

/** Group commit, signals, idempotency, fairness, reopening. */
export const commitCases: Cases = {
  "a claim made by a ready listener gets the lease in the same commit (I6)": async (driver) => {
    const job = driver.newJob(taskSet({ name: "task", count: 3 }));
    driver.jobIds.push(job.id);
    const announced: ReadonlyMap<string, number>[] = [];
    let changes = 0;
    let joined: Promise<ExchangeOutcome> | undefined;
    driver.store.on("changed", () => changes++);
    driver.store.on("ready", (queues) => {
      announced.push(queues);
      joined ??= driver.store.exchange({ runnerId: driver.runnerId, reports: [], claim: driver.claimRequest() });
    });
    await driver.store.submitJobs([job]);
    expect((await joined)?.leases).toHaveLength(3);
    expect(announced).toEqual([new Map([["default", 3]])]);
    expect(changes).toBe(1);
  },

  "claims of one commit never get the same task, whichever comes later in it": async (driver) => {
    const stored = Array.from({ length: 20 }, () => driver.newJob(taskSet({ name: "task" })));
    const late = driver.newJob(taskSet({ name: "task" }));
    driver.jobIds.push(...stored.map(({ id }) => id), late.id);
    await driver.store.submitJobs(stored);
    let commits = 0;
    driver.store.on("changed", () => commits++);
    let joined: ReturnType<typeof driver.claim> | undefined;
    driver.store.on("ready", () => {
      joined ??= driver.claim({ limit: 16 });
    });
    const [first] = await Promise.all([driver.claim({ limit: 5 }), driver.store.submitJobs([late])]);
    const leased = [...first, ...(await joined!)].map(({ taskId }) => taskId);
    expect([leased.length, new Set(leased).size]).toEqual([21, 21]);
    expect(commits).toBe(1);
  },

  "writes asked for in one turn share a commit, each with its own answer (I5)": async (driver) => {
    let commits = 0;
    driver.store.on("changed", () => commits++);
    const jobs = Array.from({ length: 50 }, () => driver.newJob(taskSet({ name: "task" })));
    driver.jobIds.push(...jobs.map(({ id }) => id));
    const submitted = jobs.map((job) => driver.store.submitJobs([job]));
    const refused = driver.store.cancelJob(driver.newId(), "").catch((error: { reason: string }) => error.reason);
    for (const outcome of await Promise.all(submitted)) expect(outcome).toMatchObject([{ kind: "created" }]);
    expect(await refused).toBe("JOB_NOT_FOUND");
    expect(commits).toBe(1);
  },

  "a job may start and be cancelled in one commit": async (driver) => {
    const job = await driver.submit({ name: "task", count: 2 });
    let commits = 0;
    driver.store.on("changed", () => commits++);
    const [leases] = await Promise.all([driver.claim({ limit: 1 }), driver.store.cancelJob(job, "")]);
    expect(commits).toBe(1);
    expect(await driver.states(job)).toEqual({ task: "CANCELLED RUNNING" });
    expect(await driver.jobState(job)).toBe("CANCELLING");
    await driver.fail(leases[0]!, { outcome: AttemptOutcome.CANCELLED });
    expect(await driver.jobState(job)).toBe("CANCELLED");
  },

  "signals name what changed, what ended and what is due": async (driver) => {
    const changed = new Set<string>();
    const ended = new Set<string>();
    const due: number[] = [];
    driver.store.on("changed", (jobs, tasks) => {
      for (const id of [...jobs, ...tasks]) changed.add(id);
    });
    driver.store.on("ended", (jobs) => {
      for (const id of jobs) ended.add(id);
    });
    driver.store.on("due", (atUs) => due.push(atUs));
    const job = await driver.submit({ name: "task" });
    const lease = await driver.claimOne();
    expect([...changed]).toEqual([job, lease.taskId]);
    expect(due).toEqual([lease.expiresAtUs]);
    expect(ended.size).toBe(0);
    changed.clear();
    await driver.succeed(lease);
    expect([...changed].sort()).toEqual([job, lease.taskId].sort());
    expect([...ended]).toEqual([job]);
  },

  "a job submitted again under its key is the same job; another request conflicts": async (driver) => {
    const job = driver.newJob(taskSet({ name: "task" }), { idempotencyKey: "k", requestHash: "h" });
    driver.jobIds.push(job.id);
    const again = { ...job, id: driver.newId() };
    const other = { ...job, id: driver.newId(), requestHash: "other" };
    expect(await driver.store.submitJobs([job, again, other])).toMatchObject([
      { kind: "created", job: { id: job.id } },
      { kind: "existed", job: { id: job.id } },
      { kind: "conflict", jobId: job.id },
    ]);
    await driver.drain();
    const outcome = await driver.store.submitJobs([again]);
    expect(outcome).toMatchObject([{ kind: "existed", job: { id: job.id, state: JobState.SUCCEEDED } }]);
  },

  "jobs take turns, so that a giant one cannot starve others": async (driver) => {
    await driver.submit({ name: "giant", count: 1_000 });
    const small = [await driver.submit({ name: "small", count: 2 }), await driver.submit({ name: "small", count: 2 })];
    const leases = await driver.claim({ limit: 12 });
    expect(leases.filter(({ jobId }) => jobId === small[0])).toHaveLength(2);
    expect(leases.filter(({ jobId }) => jobId === small[1])).toHaveLength(2);
    expect(leases.filter(({ name }) => name === "giant")).toHaveLength(8);
  },

  "priority goes before turns, and deeper tasks go first within a job": async (driver) => {
    await driver.submitJob(driver.newJob(taskSet({ name: "low" })));
    await driver.submitJob(driver.newJob(taskSet({ name: "high", count: 2 }), { priority: 5 }));
    const leases = await driver.claim({ limit: 1 });
    expect(leases[0]!.name).toBe("high");
    await driver.succeed(leases[0]!, "", taskSet({ name: "deep" }));
    const rest = [];
    for (let i = 0; i < 3; i++) rest.push((await driver.claimOne()).name);
    expect(rest).toEqual(["deep", "high", "low"]);
  },

  "what was acknowledged is there after closing and opening again": async (driver) => {
    const job = await driver.submit({ name: "root" }, { name: "end", after: ["root"] });
    const root = await driver.claimOne();
    await driver.succeed(root, "", taskSet({ name: "leaf", count: 20 }));
    const leaves = await driver.claim({ limit: 10 });
    await driver.reopen();
    expect((await driver.job(job)).counts).toMatchObject({ running: 10, queued: 10, waiting: 1, blocked: 1 });
    expect((await driver.store.maintain(10)).nextDueUs).toBeGreaterThan(driver.clock.nowUs());
    for (const lease of leaves) expect(await driver.succeed(lease)).toBe("ok");
    expect(await driver.drain()).toHaveLength(11);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a store that was stopped refuses work, and stopping twice is one stop": async (driver) => {
    await driver.store.stop();
    await driver.store.stop();
    await expect(driver.store.maintain(1)).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
    await driver.reopen();
  },
};
