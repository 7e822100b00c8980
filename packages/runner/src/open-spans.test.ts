import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueryClient } from "@spanloom/query";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { waitFor } from "@spanloom/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const cleanups: (() => unknown)[] = [];
let folder: string;
let url: string;
let client: Client;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-open-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
});

/** A lease is to be lost when its runner is killed, and only then: not while a busy machine delays heartbeats. */
async function start(defaultLeaseMs: number): Promise<void> {
  const server = await startServer({ dataDir: join(folder, "data"), port: 0, limits: { defaultLeaseMs } });
  cleanups.push(() => server.stop());
  url = server.url;
  client = new Client({ url });
  cleanups.push(() => client.close());
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const hold = task({ name: "hold", run: (_: { until: string }) => undefined });

async function startProgram() {
  const program = join(import.meta.dirname, "testing/open-span-program.ts");
  const child = spawn(process.execPath, [program, url], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  cleanups.push(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await once(child.stdout, "data");
  return { kill: () => child.kill("SIGKILL"), exited };
}

/** User spans of a job, by attempt and name: whether they are open, and what they say. */
async function userSpans(jobId: string) {
  const columns = ["name", "attempt", "end_time", "attributes"] as const;
  const table = await new QueryClient({ url }).spans({ job: jobId, type: "user", columns }).toArrow();
  const rows = table.toArray().map(({ name, attempt, end_time, attributes }) => {
    const { early, late } = attributes.toJSON() as Record<string, string>;
    return { name, attempt, open: end_time === null, early, late };
  });
  // They begin within the same millisecond.
  return rows.sort((a, b) => a.attempt - b.attempt || a.name.localeCompare(b.name));
}

async function untilOpen(jobId: string, count: number): Promise<void> {
  await waitFor(async () => (await userSpans(jobId)).filter((span) => span.open).length >= count, {
    what: `${count} open spans`,
  });
}

describe("user spans that are open for long", () => {
  it("are shown while their attempt runs, and replaced when they end (P3)", async () => {
    await start(60_000);
    const until = join(folder, "go");
    await startProgram();
    const job = await client.jobs.submit(hold, { until });
    await untilOpen(job.id, 2);
    expect(await userSpans(job.id)).toEqual([
      { name: "inner", attempt: 1, open: true },
      { name: "outer", attempt: 1, open: true, early: "1" },
      { name: "short", attempt: 1, open: false },
    ]);
    await writeFile(until, "");
    await job.result();
    expect(await userSpans(job.id)).toEqual([
      { name: "inner", attempt: 1, open: false },
      { name: "outer", attempt: 1, open: false, early: "1", late: "2" },
      { name: "short", attempt: 1, open: false },
    ]);
  });

  it("end as lost with their attempt when their runner is killed (P1)", async () => {
    await start(10_000);
    const until = join(folder, "go");
    const first = await startProgram();
    const job = await client.jobs.submit(hold, { until });
    await untilOpen(job.id, 2);
    first.kill();
    await first.exited;
    await writeFile(until, "");
    await startProgram();
    await job.result();
    expect(await userSpans(job.id)).toEqual([
      { name: "inner", attempt: 1, open: false },
      { name: "outer", attempt: 1, open: false, early: "1" },
      { name: "short", attempt: 1, open: false },
      { name: "inner", attempt: 2, open: false },
      { name: "outer", attempt: 2, open: false, early: "1", late: "2" },
      { name: "short", attempt: 2, open: false },
    ]);
    const columns = ["name", "type", "attempt", "outcome", "end_time"] as const;
    const spans = (await new QueryClient({ url }).spans({ job: job.id, columns }).toArrow()).toArray();
    const attempts = spans.filter((row) => row.type === "attempt");
    expect(attempts.map((row) => row.outcome)).toEqual(["lost", "success"]);
    for (const name of ["inner", "outer"]) {
      const closed = spans.find((row) => row.name === name && row.attempt === 1)!;
      expect(closed.outcome).toBe("lost");
      expect(closed.end_time).toEqual(attempts[0]!.end_time);
    }
  });
});
