import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { trace } from "@opentelemetry/api";
import type { Exporter } from "@spanloom/exporter";
import { QueryClient } from "@spanloom/query";
import { type AnyTask, Client, TerminalError, task } from "@spanloom/sdk";
import { type ServerOptions, startServer } from "@spanloom/server";
import { newSignal, type PlainSpan, plainSpans, tempDir, waitFor } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { Runner } from "./runner.ts";
import type { RunnerOptions } from "./runner-options.ts";
import { RecordingExporter } from "./testing/recording-exporter.ts";

/** What exporters of runners are given, compared with what the server has stored. */

async function startSystem(options: Partial<ServerOptions> = {}) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(tempDir("spanloom-closed-"));
  const limits = { minLeaseMs: 300, defaultLeaseMs: 60_000 };
  const server = stack.use(
    await startServer({ dataDir: join(folder.path, "data"), log: () => undefined, limits, ...options }),
  );
  const client = stack.use(new Client({ url: server.url }));
  const query = new QueryClient({ url: server.url });
  return {
    server,
    client,
    async runner(tasks: AnyTask[], exporters: Exporter[], more: Partial<RunnerOptions> = {}): Promise<Runner> {
      // A task that waited too long for a slot would be given back, and its trace have an attempt more.
      const own = { url: server.url, prefetch: 0, registerGlobalTracing: false, graceMs: 1_000 };
      const runner = stack.use(new Runner({ ...own, tasks, exporters, ...more }));
      await runner.start();
      return runner;
    },
    /** A job's spans as stored. */
    async stored(job: { id: string }): Promise<Map<string, PlainSpan[]>> {
      const file = join(folder.path, `${job.id}.otlp.jsonl`);
      await query.spans({ job: job.id }).toFile(file);
      const lines = (await readFile(file, "utf8")).trim().split("\n");
      return plainSpans(lines.map((line) => JSON.parse(line)));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Runs until it is told to stop, then throws. */
function stoppable() {
  const begun = newSignal();
  const wait = task({
    name: "wait",
    timeoutMs: 60_000,
    run: async (_: undefined, { signal }) => {
      begun.resolve();
      await once(signal, "abort");
      signal.throwIfAborted();
    },
  });
  return { wait, begun: begun.promise };
}

describe("an exporter of the only runner is given the tree as it is stored, every span once, of", () => {
  it("a job with dependencies, a group, children, events and spans of its code", async () => {
    const backend = new RecordingExporter();
    await using system = await startSystem();
    const square = task({
      name: "square",
      run: (n: number, ctx) =>
        ctx.span("multiply", (span) => {
          span.addEvent("multiplied", { n });
          // Before the attempt's lease, where nothing of it can be.
          ctx.tracer.startSpan("early", { startTime: Date.now() - 3_600_000 }).end();
          return n * n;
        }),
    });
    const sum = task({
      name: "sum",
      run: async (_: undefined, ctx) => (await ctx.outputsOf(square)).reduce((a, b) => a + b, 0),
    });
    const root = task({
      name: "root",
      run: (n: number, ctx) => {
        const numbers = Array.from({ length: n }, (_, i) => i);
        ctx.submit(sum, undefined, { dependsOn: ctx.submitMany(square, numbers) });
        trace
          .getActiveSpan()
          ?.setAttribute("parts", n)
          .addLink({ context: linked, attributes: { why: "test" } });
      },
    });
    const runner = await system.runner([root, square, sum], [backend]);
    const job = await system.client.jobs.submit(root, 20, { name: "fan out" });
    expect((await job.wait()).state).toBe("SUCCEEDED");
    await runner.stop();
    const stored = await system.stored(job);
    expect(stored.size).toBe(1 + 22 * 2 + 2 * 20);
    expect(backend.spans).toEqual(stored);
  });

  it("a job whose task is tried again, and of one that fails and leaves tasks unrun", async () => {
    const backend = new RecordingExporter();
    await using system = await startSystem();
    const flaky = task({
      name: "flaky",
      retry: { maxAttempts: 3, initialDelayMs: 1 },
      run: (_: undefined, { attempt }) => {
        if (attempt < 3) throw new RangeError("not yet");
      },
    });
    const broken = task({
      name: "broken",
      run: () => {
        throw new TerminalError("no use");
      },
    });
    const root = task({
      name: "root",
      run: (_: undefined, ctx) => void ctx.submit(flaky, undefined, { dependsOn: [ctx.submit(broken)] }),
    });
    const runner = await system.runner([root, flaky, broken], [backend]);
    const retried = await system.client.jobs.submit(flaky);
    const failed = await system.client.jobs.submit(root);
    expect([(await retried.wait()).state, (await failed.wait()).state]).toEqual(["SUCCEEDED", "FAILED"]);
    await runner.stop();
    const stored = new Map([...(await system.stored(retried)), ...(await system.stored(failed))]);
    expect(outcomes(stored)).toEqual(
      [
        "failure",
        "failure",
        "failure",
        "failure",
        "failure",
        "failure",
        "skipped",
        "success",
        "success",
        "success",
      ].concat("success"),
    );
    expect(backend.spans).toEqual(stored);
  });

  it("a job that is cancelled while its task runs, and of one that nobody had begun", async () => {
    const backend = new RecordingExporter();
    await using system = await startSystem();
    const { wait, begun } = stoppable();
    const runner = await system.runner([wait], [backend]);
    const job = await system.client.jobs.submit(wait);
    await begun;
    const later = await system.client.jobs.submit(wait, undefined, { startAt: new Date(Date.now() + 3_600_000) });
    await later.cancel("not needed");
    await job.cancel("not needed either");
    expect([(await job.wait()).state, (await later.wait()).state]).toEqual(["CANCELLED", "CANCELLED"]);
    await runner.stop();
    expect(backend.spans).toEqual(new Map([...(await system.stored(job)), ...(await system.stored(later))]));
  });

  it("a job whose task timed out, and did so again when it was run again", async () => {
    const backend = new RecordingExporter();
    await using system = await startSystem();
    const slow = task({
      name: "slow",
      timeoutMs: 100,
      run: async (_: undefined, { signal }) => {
        if (!signal.aborted) await once(signal, "abort");
        signal.throwIfAborted();
      },
    });
    const runner = await system.runner([slow], [backend]);
    const job = await system.client.jobs.submit(slow);
    expect((await job.wait()).state).toBe("FAILED");
    await waitFor(() => backend.spans.size === 3, { what: "the failed run" });
    await job.retry();
    expect((await job.wait()).state).toBe("FAILED");
    await runner.stop();
    const stored = await system.stored(job);
    expect(outcomes(stored)).toEqual(["failure", "failure", "timeout", "timeout"]);
    // Job and task ended anew: they come once more, as they are now.
    const latest = new Map([...backend.spans].map(([id, versions]) => [id, versions.slice(-1)]));
    expect(latest).toEqual(stored);
    expect([...backend.spans.values()].map(({ length }) => length).toSorted()).toEqual([1, 1, 2, 2]);
  });
});

describe("exporters of two runners are given the tree between them, every span once,", () => {
  it("when both run tasks of a job", async () => {
    const [left, right] = [new RecordingExporter(), new RecordingExporter()];
    await using system = await startSystem();
    const leaf = task({ name: "leaf", run: () => undefined });
    const root = task({
      name: "root",
      run: (_: undefined, ctx) => {
        for (const queue of ["left", "right"]) ctx.submitMany(leaf, [undefined, undefined, undefined], { queue });
      },
    });
    const runners = [
      await system.runner([root, leaf], [left], { queues: ["default", "left"] }),
      await system.runner([leaf], [right], { queues: ["right"] }),
    ];
    const job = await system.client.jobs.submit(root);
    expect((await job.wait()).state).toBe("SUCCEEDED");
    for (const runner of runners) await runner.stop();
    expect(right.spans.size).toBeGreaterThan(0);
    expect([...left.spans.keys()].filter((id) => right.spans.has(id))).toEqual([]);
    expect(new Map([...left.spans, ...right.spans])).toEqual(await system.stored(job));
  });

  it("when one is killed in the middle of an attempt", async () => {
    const backend = new RecordingExporter();
    await using system = await startSystem();
    const hang = task({ name: "hang", run: () => "done" });
    const job = await system.client.jobs.submit(hang);
    await loseAttempt(system.server.url);
    const runner = await system.runner([hang], [backend]);
    expect((await job.wait()).state).toBe("SUCCEEDED");
    await runner.stop();
    const stored = await system.stored(job);
    expect(outcomes(stored)).toEqual(["lost", "success", "success", "success"]);
    expect(backend.spans).toEqual(stored);
  });
});

describe("shaped exporters of two runners", () => {
  it("sample the same traces, whole, and leave out the spans of tasks", async () => {
    const shape = { sampling: 0.5, lifecycle: "attempts" } as const;
    const backends = [new RecordingExporter(shape), new RecordingExporter(shape)];
    await using system = await startSystem();
    const leaf = task({ name: "leaf", run: (_: undefined, ctx) => ctx.span("work", () => undefined) });
    const root = task({
      name: "root",
      run: (_: undefined, ctx) => void ctx.submitMany(leaf, [undefined, undefined], { queue: "leaves" }),
    });
    const runners = [
      await system.runner([root], [backends[0]!]),
      await system.runner([leaf], [backends[1]!], { queues: ["leaves"] }),
    ];
    const jobs = await Promise.all(Array.from({ length: 12 }, () => system.client.jobs.submit(root)));
    for (const job of jobs) expect((await job.wait()).state).toBe("SUCCEEDED");
    for (const runner of runners) await runner.stop();
    const sent = new Set(backends.flatMap(({ spans }) => [...spans.keys()]));
    const shares = await Promise.all(
      jobs.map(async (job) => {
        const stored = [...(await system.stored(job))];
        const kept = stored.filter(([, [span]]) => !span!.attributes["spanloom.span.type"]!.includes("task"));
        expect(kept.length).toBe(1 + 3 + 2);
        return kept.filter(([id]) => sent.delete(id)).length;
      }),
    );
    // All of a job or nothing of it, and nothing that is not kept.
    expect(shares.filter((spans) => spans !== 6 && spans !== 0)).toEqual([]);
    expect(sent.size).toBe(0);
  });
});

describe("exporters without the spans of tasks", () => {
  it("get from runners the tree that the server gives its own, whatever batch a task comes in", async () => {
    const shape = { lifecycle: "attempts" } as const;
    const [backend, forwarded] = [new RecordingExporter(shape), new RecordingExporter(shape)];
    const exporters = [{ name: "own", exporter: forwarded }];
    await using system = await startSystem({ exporters });
    const continued = newSignal();
    const { hang, ...tasks } = nestedTasks(continued.promise);
    const runner = await system.runner(Object.values(tasks), [backend]);
    const job = await system.client.jobs.submit(tasks.root);
    await loseAttempt(system.server.url);
    const heir = await system.runner([hang], [backend]);
    const ended = { root: 1, branch: 2, middle: 1, flaky: 3, hang: 2 };
    const isApart = () => Object.entries(ended).every(([name, n]) => named(backend.spans, name).length === n);
    // So what these submitted, and what depends on them, comes in batches of its own.
    await waitFor(isApart, { what: "the attempts above" });
    continued.resolve();
    expect((await job.wait()).state).toBe("SUCCEEDED");
    for (const each of [heir, runner]) await each.stop();
    await waitFor(() => forwarded.spans.size >= 21, { what: "what the server sends" });
    await system.server.stop();
    const [flaky, branch] = [named(backend.spans, "flaky"), named(backend.spans, "branch")];
    const [last] = named(backend.spans, "last").filter(([, span]) => attemptOf(span) === 1);
    expect(named(backend.spans, "middle").map(([, { parentSpanId }]) => parentSpanId)).toEqual([idOf(branch, 2)]);
    expect(last![1].links.map(({ spanId }) => spanId)).toContain(idOf(flaky, 3));
    expect(outcomes(backend.spans)).toContain("lost");
    expect(backend.spans).toEqual(forwarded.spans);
  });
});

describe("a server that stops", () => {
  it("hands out first what has ended, and goes on with jobs that are open when it is started again", async () => {
    const backend = new RecordingExporter();
    const folder = tempDir("spanloom-closed-restart-");
    await using stack = new AsyncDisposableStack();
    stack.use(folder);
    const limits = { minLeaseMs: 300, defaultLeaseMs: 60_000 };
    const start = (port = 0) => startServer({ dataDir: folder.path, port, limits, log: () => undefined });
    const first = await start();
    const client = stack.use(new Client({ url: first.url }));
    const continued = newSignal();
    const step = task({ name: "step", run: () => undefined });
    const steps = task({
      name: "steps",
      run: async (_: undefined, ctx) => {
        await continued.promise;
        ctx.submit(step);
      },
    });
    const runner = stack.use(
      new Runner({ url: first.url, tasks: [step, steps], exporters: [backend], registerGlobalTracing: false }),
    );
    await runner.start();
    const open = await client.jobs.submit(steps);
    const ended = await client.jobs.submit(step);
    await ended.wait();
    await first.stop();
    await waitFor(() => backend.spans.size === 3, { what: "the job that ended" });
    stack.use(await start(first.port));
    continued.resolve();
    await open.wait();
    await runner.stop();
    const stored = new Map<string, PlainSpan[]>();
    for (const { id } of [ended, open]) {
      const file = join(folder.path, `${id}.otlp.jsonl`);
      await new QueryClient({ url: first.url }).spans({ job: id }).toFile(file);
      const lines = (await readFile(file, "utf8")).trim().split("\n");
      for (const [span, versions] of plainSpans(lines.map((line) => JSON.parse(line)))) stored.set(span, versions);
    }
    expect(stored.size).toBe(8);
    expect(backend.spans).toEqual(stored);
  });
});

/** A root with a group, with a child that is tried again and has children, and with a task that depends on all of them. */
function nestedTasks(continued: Promise<void>) {
  const leaf = task({ name: "leaf", run: (_: undefined, ctx) => ctx.span("work", () => undefined) });
  const late = task({ name: "late", run: () => continued });
  const middle = task({ name: "middle", run: (_: undefined, ctx) => void ctx.submit(late) });
  const hang = task({ name: "hang", run: () => "done" });
  const flaky = task({ name: "flaky", retry: againAtOnce, run: (_: undefined, { attempt }) => failBefore(3, attempt) });
  const last = task({ name: "last", retry: againAtOnce, run: (_: undefined, { attempt }) => failBefore(2, attempt) });
  const branch = task({
    name: "branch",
    retry: againAtOnce,
    run: (_: undefined, ctx) => {
      failBefore(2, ctx.attempt);
      ctx.submitMany(leaf, [undefined, undefined]);
      ctx.submit(middle);
    },
  });
  const root = task({
    name: "root",
    run: (_: undefined, ctx) => {
      const group = ctx.submitMany(leaf, [undefined, undefined]);
      const others = [ctx.submit(flaky), ctx.submit(branch), ctx.submit(hang)];
      ctx.submit(last, undefined, { dependsOn: [group, ...others] });
    },
  });
  return { leaf, late, middle, hang, flaky, last, branch, root };
}

const againAtOnce = { maxAttempts: 3, initialDelayMs: 1 };

function failBefore(number: number, attempt: number): void {
  if (attempt < number) throw new RangeError("not yet");
}

/** Has an attempt of `hang` lost with its runner, which leases for half a second: others keep their leases for long. */
async function loseAttempt(url: string): Promise<void> {
  const program = join(import.meta.dirname, "testing/exporting-runner-program.ts");
  const child = spawn(process.execPath, [program, url], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await exited;
}

/** Spans of a name, with their ids, the latest of each. */
function named(spans: Map<string, PlainSpan[]>, name: string): [string, PlainSpan][] {
  return [...spans]
    .map(([id, versions]) => [id, versions.at(-1)!] as [string, PlainSpan])
    .filter(([, span]) => span.name === name);
}

function attemptOf({ attributes }: PlainSpan): number {
  return Number((JSON.parse(attributes["spanloom.task.attempt"]!) as { intValue: string }).intValue);
}

function idOf(attempts: readonly [string, PlainSpan][], number: number): string | undefined {
  return attempts.find(([, span]) => attemptOf(span) === number)?.[0];
}

/** Outcomes of spans, sorted. */
function outcomes(spans: Map<string, PlainSpan[]>): string[] {
  return [...spans.values()]
    .flat()
    .flatMap(({ attributes }) => {
      const outcome = attributes["spanloom.outcome"];
      return outcome === undefined ? [] : [(JSON.parse(outcome) as { stringValue: string }).stringValue];
    })
    .toSorted();
}

/** A span of another trace. */
const linked = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", traceFlags: 1 };
