import { QueryClient } from "@spanloom/query";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { tempDir, waitFor } from "@spanloom/testing";
import { expect, it } from "vitest";
import { Runner } from "../runner.ts";
import type { JobEndEvent, RunnerHooks } from "./runner-hooks.ts";

const leaf = task({ name: "leaf", run: (n: number) => n });
const tree = task({ name: "tree", run: (n: number, ctx) => void ctx.submitMany(leaf, Array(n).fill(1)) });
const failing = task({
  name: "failing",
  retry: { maxAttempts: 2, initialDelayMs: 10 },
  run: () => {
    throw new RangeError("far");
  },
});
const endless = task({ name: "endless", run: () => new Promise<void>(() => undefined) });

it("hooks of two runners are told of each job's beginning and end once, however it ends, with the span that is stored", async () => {
  using folder = tempDir();
  // Heartbeats tell of the cancellation: a third of the lease apart.
  const server = await startServer({
    dataDir: folder.path,
    port: 0,
    limits: { minLeaseMs: 300, defaultLeaseMs: 3_000 },
  });
  const client = new Client({ url: server.url });
  const ends: JobEndEvent[] = [];
  const tasks = { started: 0, ended: [] as string[] };
  const begun: string[] = [];
  const hooks: RunnerHooks = {
    onJobStart: ({ jobId }) => void begun.push(jobId),
    onTaskStart: () => void tasks.started++,
    onTaskEnd: ({ taskName, attempt, outcome }) => void tasks.ended.push(`${taskName} #${attempt} ${outcome}`),
    onJobEnd: (event) => void ends.push(event),
  };
  const options = { url: server.url, tasks: [tree, leaf, failing, endless], concurrency: 2, abandonAfterMs: 10 };
  const runners = [0, 1].map(() => new Runner({ ...options, hooks: [hooks] }));
  for (const runner of runners) await runner.start();

  const done = await client.jobs.submit(tree, 6);
  const failed = await client.jobs.submit(failing, undefined);
  const cancelled = await client.jobs.submit(endless, undefined);
  await waitFor(() => begun.length === 3, { what: "all jobs to begin" });
  await cancelled.cancel("enough");
  const never = await client.jobs.submit(leaf, 1, { startAt: new Date(Date.now() + 3_600_000) });
  await never.cancel();
  await waitFor(() => ends.length === 4, { what: "all jobs to end" });
  const stored = new QueryClient({ url: server.url });
  const table = await stored.spans({ type: "job" }).toArrow();
  for (const runner of runners) await runner.stop();
  client.close();
  await server.stop();

  expect([...begun].sort()).toEqual([done.id, failed.id, cancelled.id].sort());
  const outcomes = new Map(ends.map((event) => [event.jobId, [event.jobName, event.outcome, event.error?.type]]));
  expect(outcomes).toEqual(
    new Map([
      [done.id, ["tree", "success", undefined]],
      [failed.id, ["failing", "failure", "RangeError"]],
      [cancelled.id, ["endless", "cancelled", undefined]],
      [never.id, ["leaf", "cancelled", undefined]],
    ]),
  );
  expect(ends).toHaveLength(4);
  const rows = table.toArray().map((row) => row as unknown as { job_id: string; span_id: string; trace_id: string });
  const spans = new Map(rows.map(({ job_id, trace_id, span_id }) => [job_id, `${trace_id} ${span_id}`]));
  expect(new Map(ends.map(({ jobId, trace }) => [jobId, `${trace.traceId} ${trace.spanId}`]))).toEqual(spans);
  expect(tasks.started).toBe(10);
  expect(tasks.ended.sort()).toEqual([
    "endless #1 cancelled",
    "failing #1 failure",
    "failing #2 failure",
    ...Array(6).fill("leaf #1 success"),
    "tree #1 success",
  ]);
});
