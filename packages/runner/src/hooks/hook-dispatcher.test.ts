import { create } from "@bufbuild/protobuf";
import { context, trace } from "@opentelemetry/api";
import { attemptSpanId, hexToBytes, spanIdOf, traceIdOfJob } from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { task } from "@spanloom/sdk";
import { waitFor } from "@spanloom/testing";
import { afterEach, describe, expect, it } from "vitest";
import { Runner } from "../runner.ts";
import type { RunnerOptions } from "../runner-options.ts";
import { FakeServer } from "../testing/fake-server.ts";
import { HookDispatcher } from "./hook-dispatcher.ts";
import type { JobEndEvent, RunnerHooks } from "./runner-hooks.ts";

const running: Runner[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((runner) => runner.stop()));
});

/** Hooks that note what they are told. */
function noting() {
  const told: [string, Record<string, unknown>][] = [];
  const note = (name: string) => (event: object) => void told.push([name, { ...event }]);
  const hooks: RunnerHooks = {
    onJobStart: note("job start"),
    onTaskStart: note("task start"),
    onTaskEnd: note("task end"),
    onJobEnd: note("job end"),
  };
  return { hooks, told, names: () => told.map(([name]) => name) };
}

async function start(run: (input: unknown) => unknown, hooks: RunnerHooks[], options: Partial<RunnerOptions> = {}) {
  const server = new FakeServer();
  server.heartbeatMs = 50;
  const lines: string[] = [];
  const code = task({ name: "code", run: (input: unknown) => run(input) as undefined });
  const log = (line: string) => void lines.push(line);
  const runner = new Runner({ transport: server.transport, tasks: [code], hooks, log, graceMs: 500, ...options });
  running.push(runner);
  await runner.start();
  return { server, runner, lines };
}

const throwing = (message: string): never => {
  throw new Error(message);
};

describe("hooks of a runner", () => {
  it("are told of an attempt's beginning and end, with names, ids and the trace context that the server stores", async () => {
    const { hooks, told } = noting();
    const { server, runner } = await start(() => "done", [hooks]);
    const taskId = server.push("code");
    const { startedAt, endedAt } = await server.resultOf(taskId);
    await runner.stop();
    expect(told.map(([name]) => name)).toEqual(["job start", "task start", "task end"]);
    const [jobStart, taskStart, taskEnd] = told.map(([, event]) => event);
    const jobId = jobStart!.jobId as string;
    const traceId = traceIdOfJob(jobId);
    const spanId = attemptSpanId(taskId, 1);
    const startTimeMs = Number(startedAt!.seconds) * 1000 + startedAt!.nanos / 1e6;
    expect(jobStart).toEqual({
      jobId,
      jobName: "test job",
      queue: "default",
      runnerId: runner.id,
      startTimeMs: expect.closeTo(startTimeMs, 2),
      trace: {
        traceId,
        spanId: spanIdOf(jobId),
        parentSpanId: undefined,
        carrier: { traceparent: `00-${traceId}-${spanIdOf(jobId)}-01`, tracestate: "vendor=x" },
      },
    });
    expect(taskStart).toEqual({
      jobId,
      jobName: "test job",
      taskId,
      taskName: "code",
      taskVersion: "1.0",
      parentTaskId: undefined,
      queue: "default",
      runnerId: runner.id,
      attempt: 1,
      attemptsLeft: 2,
      startTimeMs: jobStart!.startTimeMs,
      trace: {
        traceId,
        spanId,
        parentSpanId: spanIdOf(taskId),
        carrier: {
          traceparent: `00-${traceId}-${spanId}-01`,
          tracestate: expect.stringMatching(/^spanloom=.*,vendor=x$/),
        },
      },
    });
    const endTimeMs = Number(endedAt!.seconds) * 1000 + endedAt!.nanos / 1e6;
    expect(taskEnd).toEqual({ ...taskStart, endTimeMs: expect.any(Number), outcome: "success", error: undefined });
    expect(taskEnd!.endTimeMs).toBeGreaterThanOrEqual(endTimeMs);
  });

  it("tell how attempts ended, and nothing of those that never began", async () => {
    const { hooks, told } = noting();
    const { server, runner } = await start(
      (input) => {
        if (input === "fail") throw new RangeError("far");
        return new Promise(() => undefined);
      },
      [hooks],
      { concurrency: 3, prefetch: 10, abandonAfterMs: 0 },
    );
    const failing = server.push("code", "fail");
    await server.resultOf(failing);
    const stopped = [0, 1, 2].map(() => server.push("code"));
    const waiting = server.push("code");
    await waitFor(() => told.filter(([name]) => name === "task start").length === 4, { what: "three that run" });
    await runner.stop();
    const ends = told.flatMap(([name, event]) =>
      name === "task end" ? [[event.taskId, event.outcome, event.error]] : [],
    );
    expect(ends).toEqual([
      [failing, "failure", { type: "RangeError", message: "far", stack: expect.stringContaining("RangeError: far") }],
      ...stopped.map((taskId) => [taskId, "released", undefined]),
    ]);
    expect(told.some(([, { taskId }]) => taskId === waiting)).toBe(false);
  });

  it("tell a lost lease, and a job of several roots or attempts begins once", async () => {
    const { hooks, told, names } = noting();
    const { server, runner } = await start(() => new Promise(() => undefined), [hooks], { abandonAfterMs: 0 });
    const jobId = server.ids.next();
    const [lost] = [server.push("code", 1, { jobId }), server.push("code", 2, { jobId })];
    server.push("code", 3, { attempt: 2 });
    await waitFor(() => names().filter((name) => name === "task start").length === 3, { what: "all to begin" });
    expect(names().filter((name) => name === "job start")).toEqual(["job start"]);
    server.fates.lost.add(lost!);
    await waitFor(() => names().includes("task end"), { what: "the lost one to end" });
    expect(told.at(-1)).toMatchObject(["task end", { taskId: lost, outcome: "lost", error: undefined }]);
    await runner.stop();
  });

  it("that throw, reject, never settle, or are no functions harm nothing, and are logged once each", async () => {
    const { hooks, names } = noting();
    const hostile: RunnerHooks = {
      onTaskStart() {
        throw new Error("broken");
      },
      onTaskEnd: () => Promise.reject(new Error("refused")),
    };
    const silent: RunnerHooks = { onTaskEnd: () => new Promise(() => undefined) };
    const wrong = {
      onTaskStart: 7,
      get onTaskEnd() {
        throw new Error("no getter");
      },
    } as unknown as RunnerHooks;
    const thenable = new Proxy({}, { has: () => true, get: () => () => throwing("no thenable") });
    const returning: RunnerHooks = { onTaskStart: () => thenable };
    const { server, runner, lines } = await start(() => "done", [hostile, silent, wrong, returning, hooks]);
    for (let i = 0; i < 20; i++) server.push("code");
    await server.until(() => server.results.length === 20, "all are reported");
    expect(server.results.every(({ outcome }) => outcome.case === "success")).toBe(true);
    await runner.stop();
    const ofTasks = names().filter((name) => name !== "job start");
    expect(ofTasks).toHaveLength(40);
    const failures = lines.filter((line) => line.includes("concerns no task"));
    expect(failures).toHaveLength(3);
    expect(failures.join()).toMatch(/onTaskStart failed.*broken.*onTaskStart failed.*onTaskStart failed.*no thenable/);
    expect(lines).toContain("hooks: 100 calls failed, 0 were not made, 20 have not ended");
  });

  it("run outside of attempts, may be traced, and are `this` to themselves", async () => {
    const seen: unknown[] = [];
    class Tracer implements RunnerHooks {
      readonly seen = seen;
      onTaskEnd(): void {
        this.seen.push(trace.getSpan(context.active()));
      }
    }
    const { server, runner } = await start(() => "done", [new Tracer()]);
    await server.resultOf(server.push("code"));
    await runner.stop();
    expect(seen).toEqual([undefined]);
  });

  it("are told all that waits, and waited for, before a runner has stopped", async () => {
    const events: string[] = [];
    const gate = Promise.withResolvers<void>();
    const slow: RunnerHooks = {
      onTaskEnd: async () => {
        await gate.promise;
        events.push("told");
      },
    };
    const { server, runner } = await start(() => "done", [slow]);
    await server.resultOf(server.push("code"));
    const stopped = runner.stop().then(() => events.push("stopped"));
    await server.until(() => server.unregistered, "the runner has gone");
    expect(events).toEqual([]);
    gate.resolve();
    await stopped;
    expect(events).toEqual(["told", "stopped"]);
  });
});

const job = {
  id: "0192f0c4-7d4b-7c3a-9f10-3b5d8e2a6c01",
  attributes: (type: string, outcome: string) =>
    Object.entries({
      "spanloom.span.type": type,
      "spanloom.job.id": "0192f0c4-7d4b-7c3a-9f10-3b5d8e2a6c01",
      "spanloom.job.name": "audit",
      "spanloom.queue": "bulk",
      "spanloom.outcome": outcome,
      ...(outcome === "failure" && { "error.type": "RangeError" }),
    }).map(([key, value]) => ({ key, value: { value: { case: "stringValue" as const, value } } })),
};

function closedSpans(outcome: string) {
  const traceId = hexToBytes(traceIdOfJob(job.id));
  const common = {
    traceId,
    startTimeUnixNano: 1_700_000_000_000_500_000n,
    endTimeUnixNano: 1_700_000_001_000_250_000n,
  };
  const spans = [
    { ...common, spanId: hexToBytes("1".repeat(16)), attributes: job.attributes("task", outcome) },
    {
      ...common,
      spanId: hexToBytes(spanIdOf(job.id)),
      parentSpanId: hexToBytes("2".repeat(16)),
      traceState: "k=v",
      flags: 0x101,
      status: { message: outcome === "failure" ? "far" : "" },
      attributes: job.attributes("job", outcome),
    },
  ];
  return create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

describe("a hook dispatcher", () => {
  const make = (hooks: RunnerHooks[], options: object = {}) => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    return { lines, dispatcher: new HookDispatcher({ hooks, nowUs: () => 0, log, ...options }) };
  };

  it("tells the end of a job that the server has given to this runner", async () => {
    const events: JobEndEvent[] = [];
    const { dispatcher } = make([{ onJobEnd: (event) => void events.push(event) }]);
    dispatcher.closed(closedSpans("success"));
    dispatcher.closed(closedSpans("failure"));
    await dispatcher.close(5_000);
    const traceId = traceIdOfJob(job.id);
    const ended = {
      jobId: job.id,
      jobName: "audit",
      queue: "bulk",
      startTimeMs: 1_700_000_000_000.5,
      endTimeMs: 1_700_000_001_000.25,
      outcome: "success",
      error: undefined,
      trace: {
        traceId,
        spanId: spanIdOf(job.id),
        parentSpanId: "2".repeat(16),
        carrier: { traceparent: `00-${traceId}-${spanIdOf(job.id)}-01`, tracestate: "k=v" },
      },
    };
    const error = { type: "RangeError", message: "far", stack: "" };
    expect(events).toEqual([ended, { ...ended, outcome: "failure", error }]);
  });

  it("lets no more events wait than it may, counts what it drops, and says so once (I2)", async () => {
    let told = 0;
    const { dispatcher, lines } = make([{ onJobEnd: () => void told++ }, {}], { maxEvents: 3 });
    for (let i = 0; i < 10; i++) dispatcher.closed(closedSpans("success"));
    await dispatcher.close(5_000);
    expect(told).toBe(3);
    expect(dispatcher.stats).toEqual({ called: 3, failed: 0, dropped: 14, unsettled: 0 });
    expect(lines).toEqual([
      "hooks are not told of all: 3 events wait",
      "hooks: 0 calls failed, 14 were not made, 0 have not ended",
    ]);
  });

  it("calls no hook of which too many calls have not settled, until they have, and spares the others (I2)", async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    let told = 0;
    const slow: RunnerHooks = {
      onJobEnd() {
        const gate = Promise.withResolvers<void>();
        gates.push(gate);
        return gate.promise;
      },
    };
    const { dispatcher, lines } = make([slow, { onJobEnd: () => void told++ }], { maxUnsettled: 2 });
    for (let i = 0; i < 5; i++) dispatcher.closed(closedSpans("success"));
    await waitFor(() => told === 5, { what: "the other hook" });
    expect(dispatcher.stats).toEqual({ called: 7, failed: 0, dropped: 3, unsettled: 2 });
    expect(lines).toEqual(["hook onJobEnd is not called: 2 calls have not ended; more are counted only"]);
    for (const gate of gates) gate.resolve();
    dispatcher.closed(closedSpans("success"));
    await waitFor(() => gates.length === 3, { what: "the hook again" });
    gates[2]!.resolve();
    await dispatcher.close(5_000);
    expect(dispatcher.stats).toEqual({ called: 9, failed: 0, dropped: 3, unsettled: 0 });
  });

  it("closes at its deadline when a hook never settles", async () => {
    const { dispatcher, lines } = make([{ onJobEnd: () => new Promise(() => undefined) }]);
    dispatcher.closed(closedSpans("success"));
    await dispatcher.close(50);
    expect(lines).toEqual(["hooks: 0 calls failed, 0 were not made, 1 have not ended"]);
  });
});
