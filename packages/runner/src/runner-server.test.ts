import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createRouterTransport } from "@connectrpc/connect";
import { propagation, trace } from "@opentelemetry/api";
import { originOf } from "@spanloom/protocol";
import { QueryClient } from "@spanloom/query";
import {
  type AnyTask,
  activeCarrier,
  Client,
  connect,
  injectEnvironment,
  RetryableError,
  TerminalError,
  task,
} from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { waitFor } from "@spanloom/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Runner } from "./runner.ts";
import type { RunnerOptions } from "./runner-options.ts";
import { freezableClocks } from "./testing/freezable-clocks.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Leases are long, so that a busy machine loses none, but where a test is about losing them. */
async function startOn(dataDir: string, port = 0, leaseMs = 60_000): Promise<RunningServer> {
  const server = await startServer({ dataDir, port, limits: { minLeaseMs: 300, defaultLeaseMs: leaseMs } });
  cleanups.push(() => server.stop());
  return server;
}

async function setUp(leaseMs?: number) {
  const dataDir = await mkdtemp(join(tmpdir(), "spanloom-runner-"));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startOn(dataDir, 0, leaseMs);
  const client = new Client({ url: server.url });
  cleanups.push(() => client.close());
  return { dataDir, server, client };
}

async function startRunner(url: string, tasks: AnyTask[], options: Partial<RunnerOptions> = {}): Promise<Runner> {
  const runner = new Runner({ url, tasks, graceMs: 1_000, ...options });
  cleanups.push(() => runner.stop());
  await runner.start();
  return runner;
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Rows of a job's spans, as plain objects. */
async function spansOf(url: string, jobId: string): Promise<Record<string, unknown>[]> {
  const table = await new QueryClient({ url }).spans({ job: jobId }).toArrow();
  return table.toArray().map((row) => ({ ...(row as { toJSON(): Record<string, unknown> }).toJSON() }));
}

describe("a runner on a real server", () => {
  it("runs a tree with dependencies and gives its output", async () => {
    const { server, client } = await setUp();
    const square = task({ name: "square", run: (n: number) => n * n });
    const sum = task({
      name: "sum",
      run: async (_: undefined, ctx) => (await ctx.outputsOf(square)).reduce((a, b) => a + b, 0),
    });
    const root = task({
      name: "root",
      run: (n: number, ctx) => {
        const parts = ctx.submitMany(
          square,
          Array.from({ length: n }, (_, i) => i),
        );
        ctx.submit(sum, undefined, { dependsOn: parts });
        return "split";
      },
    });
    await startRunner(server.url, [root, square, sum]);
    const job = await client.jobs.submit(root, 2_000);
    expect(await job.result()).toBe("split");
    const [summed] = await all(client.jobs.tasks(job.id, { payloads: true, states: ["SUCCEEDED"] })).then((tasks) =>
      tasks.filter(({ name }) => name === "sum"),
    );
    expect(summed!.output).toBe((1_999 * 2_000 * 3_999) / 6);
  });

  it("retries, counts attempts, and stops at a TerminalError", async () => {
    const { server, client } = await setUp();
    const flaky = task({
      name: "flaky",
      retry: { maxAttempts: 5, initialDelayMs: 1 },
      run: (_: undefined, { attempt, attemptsLeft }) => {
        if (attempt < 3) throw new RetryableError("again", { retryAfterMs: 1 });
        return { attempt, attemptsLeft };
      },
    });
    const final = task({
      name: "final",
      retry: { maxAttempts: 5, initialDelayMs: 1 },
      run: () => {
        throw new TerminalError("no use");
      },
    });
    await startRunner(server.url, [flaky, final]);
    expect(await (await client.jobs.submit(flaky)).result()).toEqual({ attempt: 3, attemptsLeft: 2 });
    const failed = await (await client.jobs.submit(final)).wait();
    expect(failed).toMatchObject({
      state: "FAILED",
      attempts: 1,
      failure: { type: "TerminalError", message: "no use" },
    });
  });

  it("stops what times out and what is cancelled", async () => {
    const { server, client } = await setUp();
    const begun = Promise.withResolvers<void>();
    const kinds: string[] = [];
    const wait = task({
      name: "wait",
      run: (_: undefined, { signal }) =>
        new Promise<void>((_resolve, reject) => {
          begun.resolve();
          signal.addEventListener("abort", () => {
            kinds.push(signal.reason.kind);
            reject(signal.reason);
          });
        }),
    });
    await startRunner(server.url, [wait]);
    const timed = await client.jobs.compose("timed", (roots) => void roots.submit(wait, undefined, { timeoutMs: 50 }));
    expect(await timed.wait()).toMatchObject({ state: "FAILED" });
    const cancelled = await client.jobs.submit(wait);
    await begun.promise;
    await cancelled.cancel("not needed");
    expect(await cancelled.wait()).toMatchObject({ state: "CANCELLED" });
    expect(kinds).toEqual(["timeout", "cancelled"]);
  });

  it("takes over what a runner held that was cut off, and ignores its late result", async () => {
    const { server, client } = await setUp(5_000);
    const ran: string[] = [];
    const hold = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const make = (who: string) =>
      task({
        name: "work",
        run: async () => {
          ran.push(who);
          begun.resolve();
          if (who === "first") await hold.promise;
          return who;
        },
      });
    // A transport that can be cut: nothing of the first runner gets through any more.
    const dead = createRouterTransport(() => undefined);
    const live = connect({ url: server.url });
    cleanups.push(() => live.close());
    let cut = false;
    const transport = {
      unary: ((...args) => (cut ? dead : live.transport).unary(...args)) as typeof dead.unary,
      stream: dead.stream,
    };
    // With one slot no poll sleeps on the server that could still lease through the uncut call.
    await startRunner(server.url, [make("first")], { transport, graceMs: 0, concurrency: 1 });
    const job = await client.jobs.submit(make("any"));
    await begun.promise;
    cut = true;
    await startRunner(server.url, [make("second")]);
    expect(await job.result()).toBe("second");
    cut = false;
    hold.resolve();
    expect(await job.wait()).toMatchObject({ state: "SUCCEEDED", output: "second" });
    expect(ran).toEqual(["first", "second"]);
    const [attempts] = (await all(client.jobs.tasks(job.id))).map((row) => row.attempts.map(({ outcome }) => outcome));
    expect(attempts).toEqual(["LOST", "SUCCESS"]);
  });

  it("gives back at shutdown what it could not finish, and another runner does it", async () => {
    const { server, client } = await setUp();
    const begun = Promise.withResolvers<void>();
    const stuck = task({
      name: "work",
      run: (_: undefined, { signal }) =>
        new Promise<string>((_resolve, reject) => {
          begun.resolve();
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    });
    const first = await startRunner(server.url, [stuck], { graceMs: 1 });
    const job = await client.jobs.submit(stuck);
    await begun.promise;
    await first.stop();
    await startRunner(server.url, [task({ name: "work", run: () => "done elsewhere" })]);
    expect(await job.result()).toBe("done elsewhere");
    const [row] = await all(client.jobs.tasks(job.id));
    expect(row!.attempts.map(({ outcome }) => outcome)).toEqual(["RELEASED", "SUCCESS"]);
  });

  it("keeps results while the server restarts, and reports them once", async () => {
    const { dataDir, server, client } = await setUp();
    const port = server.port;
    let runs = 0;
    const release = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const held = task({
      name: "held",
      run: async () => {
        runs++;
        begun.resolve();
        await release.promise;
        return "kept";
      },
    });
    await startRunner(server.url, [held]);
    const job = await client.jobs.submit(held);
    await begun.promise;
    await server.stop();
    release.resolve();
    await startOn(dataDir, port);
    expect(await job.result()).toBe("kept");
    expect(runs).toBe(1);
  });
});

describe("logs", () => {
  it("of a task, and what it prints, are found by their job with task, span, severity, body and attributes", async () => {
    const { server, client } = await setUp();
    const print = vi.spyOn(console, "error").mockImplementation(() => undefined);
    cleanups.push(() => print.mockRestore());
    const noisy = task({
      name: "noisy",
      run: (_: undefined, ctx) => {
        ctx.log.info("begun", { n: 1 });
        ctx.span("inside", () => console.error("printed %d", 2));
        ctx.log.write({ severity: "FATAL", body: { rows: 3 } });
        return ctx.taskId;
      },
    });
    await startRunner(server.url, [noisy], { captureConsole: true });
    const job = await client.jobs.submit(noisy);
    const taskId = await job.result();
    const query = new QueryClient({ url: server.url });
    const table = await query.logs({ job: job.id }).toArrow();
    const rows = table.toArray().map((row) => ({ ...(row as { toJSON(): Record<string, unknown> }).toJSON() }));
    const seen = rows.map(({ severity, severity_number, body, scope_name }) => [
      severity,
      severity_number,
      body,
      scope_name,
    ]);
    expect(seen).toEqual([
      ["INFO", 9, "begun", "@spanloom/runner"],
      ["ERROR", 17, "printed 2", "console"],
      ["FATAL", 21, '{"rows":3}', "@spanloom/runner"],
    ]);
    const spans = await spansOf(server.url, job.id);
    const idOf = (name: string) => spans.find((span) => span.name === name)!.span_id;
    expect(rows.map((row) => row.span_id)).toEqual([idOf("noisy"), idOf("inside"), idOf("noisy")]);
    expect(rows.map((row) => row.task_id)).toEqual([taskId, taskId, taskId]);
    expect(print).toHaveBeenCalledExactlyOnceWith("printed %d", 2);
  });

  it("come back in the order in which they were written and printed, also 1,200 of one instant", async () => {
    const { server, client } = await setUp();
    const print = vi.spyOn(console, "log").mockImplementation(() => undefined);
    cleanups.push(() => print.mockRestore());
    const clocks = freezableClocks();
    cleanups.push(() => vi.restoreAllMocks());
    const written = Array.from({ length: 1_200 }, (_, i) => `line ${i}`);
    const hasty = task({
      name: "hasty",
      run: (_: undefined, ctx) => {
        clocks.freeze();
        for (const [i, line] of written.entries()) {
          if (i % 3 === 1) console.log(line);
          else ctx.log.info(line);
        }
        clocks.thaw();
      },
    });
    await startRunner(server.url, [hasty], { captureConsole: true });
    const job = await client.jobs.submit(hasty);
    await job.result();
    const table = await new QueryClient({ url: server.url }).logs({ job: job.id }).toArrow();
    expect([...table.getChild("body")!]).toEqual(written);
  });
});

describe("the trace", () => {
  it("is one tree through children, grandchildren and other processes", async () => {
    const { server, client } = await setUp();
    const run = promisify(execFile);
    const child = fileURLToPath(new URL("./testing/plain-otel-child.ts", import.meta.url));
    const leaf = task({
      name: "leaf",
      run: async (_: undefined, ctx) => {
        const env = injectEnvironment({ ...process.env });
        await ctx.span("calls a program", () =>
          run(process.execPath, [child, `${server.url}/v1/traces`], { env: injectEnvironment(env) }),
        );
        const state = trace.getActiveSpan()!.spanContext().traceState!.serialize();
        return originOf(state)?.taskId === ctx.taskId;
      },
    });
    const middle = task({
      name: "middle",
      run: (_: undefined, ctx) => void ctx.span("in middle", () => ctx.submit(leaf)),
    });
    const root = task({ name: "root", run: (_: undefined, ctx) => void ctx.submit(middle) });
    await startRunner(server.url, [root, middle, leaf]);
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const job = await client.jobs.submit(root, undefined, { trace: { traceparent } });
    expect(await job.wait()).toMatchObject({ state: "SUCCEEDED", traceId: "0af7651916cd43dd8448eb211c80319c" });
    const spans = await spansOf(server.url, job.id);
    const byId = new Map(spans.map((span) => [span.span_id, span]));
    const path = (name: string): unknown[] => {
      const names: unknown[] = [];
      let span = spans.find((one) => one.name === name);
      for (; span; span = byId.get(span.parent_span_id)) names.push(span.name);
      return names;
    };
    expect(path("in a child process")).toEqual([
      "in a child process",
      "calls a program",
      "leaf",
      "task leaf",
      "middle",
      "task middle",
      "root",
      "task root",
      "job root",
    ]);
    expect(new Set(spans.map((span) => span.trace_id))).toEqual(new Set(["0af7651916cd43dd8448eb211c80319c"]));
    const orphans = spans.filter((span) => !byId.has(span.parent_span_id) && span.name !== "job root");
    expect(orphans).toEqual([]);
  });

  it("hands trace state and baggage of the submitter on to children and grandchildren, and to what they submit", async () => {
    const { server, client } = await setUp();
    const seen: Record<string, unknown>[] = [];
    const note = (name: string) => {
      const { baggage, tracestate } = activeCarrier()!;
      seen.push({ name, baggage, user: propagation.getActiveBaggage()?.getEntry("user")?.value, tracestate });
    };
    const leaf = task({ name: "leaf", run: () => note("leaf") });
    const middle = task({
      name: "middle",
      run: async (_: undefined, ctx) => {
        note("middle");
        ctx.submit(leaf);
        await client.jobs.submit(leaf, undefined, { name: "other job" });
      },
    });
    const root = task({
      name: "root",
      run: (_: undefined, ctx) => {
        note("root");
        ctx.submit(middle);
      },
    });
    await startRunner(server.url, [root, middle, leaf]);
    const trace = {
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "vendor=a,other=b",
      baggage: "user=4%202;private,team=red",
    };
    const job = await client.jobs.submit(root, undefined, { trace });
    await job.result();
    const [other] = await all(client.jobs.list({ name: "other job" }));
    await waitFor(() => seen.length === 4);
    expect(seen.map(({ name }) => name).sort()).toEqual(["leaf", "leaf", "middle", "root"]);
    for (const { baggage, user, tracestate } of seen) {
      expect({ baggage, user }).toEqual({ baggage: "user=4%202;private,team=red", user: "4 2" });
      expect(tracestate).toMatch(/^spanloom=[0-9a-f-]{36}_[0-9a-f-]{36}_1,vendor=a,other=b$/);
    }
    const spans = await spansOf(server.url, other!.id);
    const [parent] = (await spansOf(server.url, job.id)).filter(({ name }) => name === "middle");
    expect(spans.find(({ name }) => name === "job other job")).toMatchObject({
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      parent_span_id: parent!.span_id,
    });
  });

  it("holds every span of a burst of 200,000 in one synchronous loop once the job is seen to have ended", async () => {
    const { server, client } = await setUp();
    const spans = 200_000;
    const burst = task({
      name: "burst",
      run: (_: undefined, ctx) => {
        for (let i = 0; i < spans; i++) ctx.tracer.startSpan("s", { attributes: { i } }).end();
      },
    });
    await startRunner(server.url, [burst]);
    const job = await client.jobs.submit(burst);
    await job.result();
    const query = new QueryClient({ url: server.url });
    const seen = new Set<bigint>();
    let rows = 0;
    const columns = ["span_id", { attribute: "i", type: "int64" }] as const;
    for await (const batch of query.spans({ job: job.id, type: "user", columns }).stream()) {
      rows += batch.numRows;
      for (const i of batch.getChild("i")!) if (i !== null) seen.add(i);
    }
    expect([rows, seen.size]).toEqual([spans, spans]);
    const [row] = await all(client.jobs.tasks(job.id));
    expect(row!.attempts).toMatchObject([{ outcome: "SUCCESS" }]);
    const dropped = { attribute: "spanloom.dropped_telemetry" };
    const attempt = await query.spans({ job: job.id, type: "attempt", columns: [dropped] }).toArrow();
    expect(attempt.toArray().map((one) => one[dropped.attribute])).toEqual([null]);
  });
});
