import { QueryClient } from "@spanloom/query";
import { type AnyTask, Client, task } from "@spanloom/sdk";
import { type ServerOptions, startServer } from "@spanloom/server";
import { newSignal, tempDir, waitFor } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { Runner } from "./runner.ts";

/** Promises of the README that need the whole system: server, runner, client and query, all real. */

/** A system of one server and one runner, gone at the end of the block that holds it. */
async function startSystem(tasks: AnyTask[], options: Partial<ServerOptions> = {}) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(tempDir("spanloom-promises-"));
  const server = stack.use(await startServer({ dataDir: folder.path, log: () => undefined, ...options }));
  const runner = stack.use(new Runner({ url: server.url, tasks, registerGlobalTracing: false }));
  await runner.start();
  const client = stack.use(new Client({ url: server.url }));
  return { client, query: new QueryClient({ url: server.url }), [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const shape = ["type", "name", "span_id", "parent_span_id", "end_time", "duration_ns", "outcome"] as const;

describe("a running job", () => {
  it("shows its job, task and attempt spans while they are open, and closes them when it ends (P3)", async () => {
    const started = newSignal();
    const finish = newSignal();
    const hold = task({
      name: "hold",
      async run() {
        started.resolve();
        await finish.promise;
      },
    });
    await using system = await startSystem([hold]);
    const job = await system.client.jobs.submit(hold, undefined, { name: "held" });
    await started.promise;

    const open = await waitFor(
      async () => {
        const rows = (await system.query.spans({ job: job.id, columns: [...shape] }).toArrow()).toArray();
        return rows.length === 3 && rows;
      },
      { what: "three open spans" },
    );
    expect(
      open.map(({ type, name, end_time, duration_ns, outcome }) => ({ type, name, end_time, duration_ns, outcome })),
    ).toEqual(
      expect.arrayContaining([
        { type: "job", name: "job held", end_time: null, duration_ns: null, outcome: "" },
        { type: "task", name: "task hold", end_time: null, duration_ns: null, outcome: "" },
        { type: "attempt", name: "hold", end_time: null, duration_ns: null, outcome: "" },
      ]),
    );
    const parentOf = new Map(open.map((row) => [row.type as string, row.parent_span_id]));
    const idOf = new Map(open.map((row) => [row.type as string, row.span_id]));
    expect(Object.fromEntries(parentOf)).toEqual({ job: null, task: idOf.get("job"), attempt: idOf.get("task") });

    finish.resolve();
    expect((await job.wait()).state).toBe("SUCCEEDED");
    const ended = (await system.query.spans({ job: job.id, columns: [...shape] }).toArrow()).toArray();
    expect(ended.map(({ span_id }) => span_id).sort()).toEqual(open.map(({ span_id }) => span_id).sort());
    for (const { end_time, outcome } of ended)
      expect({ open: end_time === null, outcome }).toEqual({ open: false, outcome: "success" });
  });
});

describe("a telemetry store that is full", () => {
  it("fails no task, and keeps the record of what ran (P4)", async () => {
    const noisy = task({
      name: "noisy",
      run(size: number, ctx) {
        for (let i = 0; i < 20; i++) ctx.span("noise", (span) => span.setAttribute("text", "x".repeat(size)));
        return "done";
      },
    });
    // Room for no payload at all: every report finds the spool full.
    await using system = await startSystem([noisy], { spoolMaxBytes: 1 });
    const jobs = await Promise.all(Array.from({ length: 5 }, () => system.client.jobs.submit(noisy, 10_000)));
    const results = await Promise.all(jobs.map((job) => job.result()));
    expect(results).toEqual(Array.from({ length: 5 }, () => "done"));
    for (const job of jobs) {
      const rows = (await system.query.spans({ job: job.id, columns: ["type"] }).toArrow()).toArray();
      expect(rows.map(({ type }) => type).sort()).toEqual(["attempt", "job", "task"]);
    }
  });
});
