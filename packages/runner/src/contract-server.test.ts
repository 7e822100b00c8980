import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { RunnerService, RunnerState } from "@spanloom/protocol";
import { type AnyTask, Client, connect, RetryableError, type TaskSnapshot, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { waitFor } from "@spanloom/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Runner } from "./runner.ts";
import type { RunnerOptions } from "./runner-options.ts";

const cleanups: (() => unknown)[] = [];
let url: string;
let client: Client;
beforeEach(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "spanloom-contract-"));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startServer({ dataDir, limits: { defaultLeaseMs: 60_000 } });
  cleanups.push(() => server.stop());
  url = server.url;
  client = new Client({ url });
  cleanups.push(() => client.close());
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startRunner(tasks: AnyTask[], options: Partial<RunnerOptions> = {}): Promise<Runner> {
  const runner = new Runner({ url, tasks, graceMs: 1_000, ...options });
  cleanups.push(() => runner.stop());
  await runner.start();
  return runner;
}

async function tasksOf(jobId: string): Promise<TaskSnapshot[]> {
  const list: TaskSnapshot[] = [];
  for await (const one of client.jobs.tasks(jobId, { payloads: true })) list.push(one);
  return list;
}

describe("what tasks are promised, on a real server", () => {
  it("RetryableError puts the next attempt off for as long as it says, whatever the policy's delay", async () => {
    const later = task({
      name: "later",
      retry: { maxAttempts: 3, initialDelayMs: 1, maxDelayMs: 1 },
      run: (_: undefined, { attempt }) => {
        if (attempt === 1) throw new RetryableError("a moment", { retryAfterMs: 1 });
        if (attempt === 2) throw new RetryableError("an hour", { retryAfterMs: 3_600_000 });
      },
    });
    await startRunner([later]);
    const job = await client.jobs.submit(later);
    const waits = await waitFor(async () => {
      const [one] = await tasksOf(job.id);
      return one?.state === "SCHEDULED" && one.attempts.length === 2 && one;
    });
    expect(waits.state).toBe("SCHEDULED");
    await client.jobs.cancel(job.id);
    expect((await job.wait()).state).toBe("CANCELLED");
  });

  it("the display text and the progress of the last attempt win", async () => {
    const tells = task({
      name: "tells",
      retry: { maxAttempts: 2, initialDelayMs: 1 },
      run: (_: undefined, ctx) => {
        ctx.display(`attempt ${ctx.attempt}`);
        ctx.progress(ctx.attempt, 10, "files");
        if (ctx.attempt === 1) {
          ctx.progress(9, 9, "only in the first");
          throw new Error("again");
        }
      },
    });
    await startRunner([tells]);
    const job = await client.jobs.submit(tells);
    const ended = await job.wait();
    expect(await tasksOf(job.id)).toMatchObject([
      { display: "attempt 2", progress: [{ label: "files", done: 2, total: 10 }] },
    ]);
    expect(ended.progress).toEqual([{ label: "files", done: 2, total: 10 }]);
  });

  it("outputs reach those who depend on them, and those of the roots the job", async () => {
    const one = task({ name: "one", run: (n: number) => ({ n }) });
    const two = task({ name: "two", run: async (_: undefined, ctx) => (await ctx.outputsOf(one)).map(({ n }) => n) });
    await startRunner([one, two]);
    const job = await client.jobs.compose("outputs", (roots) => {
      const ones = roots.submitMany(one, [1, 2, 3]);
      roots.submit(two, undefined, { dependsOn: ones });
    });
    expect((await job.wait()).outputs).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, [1, 2, 3]]);
  });

  it("a task waits for a runner of its major version and at least its minor", async () => {
    const version = (version: string) => task({ name: "versioned", version, run: (): string => version });
    await startRunner([version("1.1"), version("2.0")]);
    const job = await client.jobs.submit(version("1.2"));
    expect(await (await client.jobs.submit(version("1.0"))).result()).toBe("1.1");
    expect(await (await client.jobs.submit(version("2.0"))).result()).toBe("2.0");
    expect(await tasksOf(job.id)).toMatchObject([{ state: "QUEUED" }]);
    await startRunner([version("1.3")]);
    expect(await job.result()).toBe("1.3");
  });
});

describe("what a client reads, on a real server", () => {
  it("one task with its attempts and payloads, and an error for one that is none", async () => {
    const twice = task({ name: "twice", run: (n: number) => n * 2 });
    const runner = await startRunner([twice]);
    const job = await client.jobs.submit(twice, 21);
    await job.result();
    const [listed] = await tasksOf(job.id);
    const one = await client.jobs.task(listed!.id);
    expect(one).toEqual(listed);
    expect(one).toMatchObject({ input: 21, output: 42, attempts: [{ runnerId: runner.id, outcome: "SUCCESS" }] });
    await expect(client.jobs.task(job.id)).rejects.toMatchObject({ reason: "TASK_NOT_FOUND" });
  });

  it("how many jobs are in each state, by filter, and the backlog of queues", async () => {
    const any = task({ name: "any", run: () => undefined });
    const limited = task({ name: "limited", concurrency: { key: "one", limit: 1 }, run: () => undefined });
    const before = Date.now();
    await client.jobs.submitMany(any, [undefined, undefined], { queue: "slow", tags: { of: "two" } });
    const [first] = await client.jobs.submitMany(limited, [undefined, undefined], { queue: "one" });
    await client.jobs.cancel(first!.id);
    expect(await client.jobs.count()).toEqual({ QUEUED: 3, CANCELLED: 1 });
    expect(await client.jobs.count({ tags: { of: "two" } })).toEqual({ QUEUED: 2 });
    expect(await client.jobs.count({ createdBefore: new Date(before - 60_000) })).toEqual({});
    const nothing = { throttled: 0, scheduled: 0, running: 0, runners: 0 };
    const [slow, ...others] = await client.jobs.queues("slow");
    expect(slow).toEqual({ queue: "slow", queued: 2, ...nothing, oldestQueuedAt: expect.any(Date) });
    expect(others).toEqual([]);
    const queues = await client.jobs.queues();
    expect(queues.map(({ queue, queued }) => [queue, queued]).sort()).toEqual([
      ["one", 1],
      ["slow", 2],
    ]);
  });
});

describe("the registry", () => {
  it("knows a runner's capacity, queues and tasks while it runs, and not after", async () => {
    const any = task({ name: "any", version: "2.3", run: () => undefined });
    const runner = await startRunner([any], { concurrency: 7, queues: ["default", "slow"] });
    const connection = connect({ url });
    cleanups.push(() => connection.close());
    const service = createClient(RunnerService, connection.transport);
    const { runners } = await service.listRunners({});
    expect(runners).toMatchObject([{ id: runner.id, pid: process.pid, capacity: 7, queues: ["default", "slow"] }]);
    expect(runners[0]?.identifiers).toMatchObject([{ name: "any", version: "2.3" }]);
    expect(runners[0]).toMatchObject({ sdkName: "spanloom-node", sdkVersion: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    await runner.stop();
    const active = (await service.listRunners({})).runners.filter(({ state }) => state === RunnerState.ACTIVE);
    expect(active).toEqual([]);
  });

  it("drains a runner: it finishes what it has, and leases no more", async () => {
    const finish = Promise.withResolvers<void>();
    const hold = task({ name: "hold", run: () => finish.promise });
    const runner = await startRunner([hold], { concurrency: 2 });
    const held = await client.jobs.submit(hold);
    await waitFor(async () => (await tasksOf(held.id))[0]?.state === "RUNNING");
    const connection = connect({ url });
    cleanups.push(() => connection.close());
    await createClient(RunnerService, connection.transport).drainRunner({ runnerId: runner.id });
    await runner.drained;
    const later = await client.jobs.submit(hold);
    finish.resolve();
    expect((await held.wait()).state).toBe("SUCCEEDED");
    expect(await tasksOf(later.id)).toMatchObject([{ state: "QUEUED" }]);
    await startRunner([hold]);
    expect((await later.wait()).state).toBe("SUCCEEDED");
  });
});
