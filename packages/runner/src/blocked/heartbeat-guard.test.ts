import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { waitFor } from "@spanloom/testing";
import { afterEach, describe, expect, it } from "vitest";

/** For leases that are to be lost. */
const LEASE_MS = 1_000;
/** For one that is to be kept, also when a busy machine delays heartbeats. */
const KEPT_LEASE_MS = 4_000;
const block = task({ name: "block", run: (_: number): number => 0 });
const program = join(import.meta.dirname, "..", "testing", "blocking-program.ts");

const cleanups: (() => unknown)[] = [];
let client: Client;
let url: string;

async function start(leaseMs: number): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "spanloom-blocked-"));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startServer({ dataDir, limits: { minLeaseMs: 300, defaultLeaseMs: leaseMs } });
  cleanups.push(() => server.stop());
  url = server.url;
  client = new Client({ url });
  cleanups.push(() => client.close());
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A runner in a process of its own: what blocks it must not block the server. */
async function startRunner(blockedMaxMs: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, url, String(blockedMaxMs)], { stdio: ["ignore", "ignore", "pipe"] });
  cleanups.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  await waitFor(() => text.includes("is ready"));
  return child;
}

const runningTask = async (jobId: string) => {
  for await (const one of client.jobs.tasks(jobId)) return one;
  return undefined;
};

describe("code that blocks the event loop for three leases", () => {
  it("keeps its lease, and its result counts", async () => {
    await start(KEPT_LEASE_MS);
    await startRunner(60_000);
    const job = await client.jobs.submit(block, 3 * KEPT_LEASE_MS);
    expect(await job.result()).toBe(1);
  });

  it("loses it when that is turned off", async () => {
    await start(LEASE_MS);
    await startRunner(0);
    const job = await client.jobs.submit(block, 3 * LEASE_MS);
    expect(await job.result()).toBeGreaterThan(1);
  });

  it("loses it when it blocks for longer than it may (I2)", async () => {
    await start(LEASE_MS);
    await startRunner(LEASE_MS);
    const job = await client.jobs.submit(block, 4 * LEASE_MS);
    expect(await job.result()).toBeGreaterThan(1);
  });
});

it("a process that is stopped loses its leases", async () => {
  await start(LEASE_MS);
  const runner = await startRunner(60_000);
  const job = await client.jobs.submit(block, 60_000);
  await waitFor(async () => (await runningTask(job.id))?.state === "RUNNING");
  runner.kill("SIGSTOP");
  await waitFor(async () => (await runningTask(job.id))?.state === "QUEUED");
});

it("a runner that is told to stop ends with its thread", async () => {
  await start(LEASE_MS);
  const runner = await startRunner(60_000);
  const exited = once(runner, "exit");
  runner.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
});
