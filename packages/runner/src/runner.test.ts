import { AttemptOutcome, CancellationReason, ReleaseReason, timestampFromUs } from "@spanloom/protocol";
import { RetryableError, type TaskContext, TerminalError, task } from "@spanloom/sdk";
import { describe, expect, it } from "vitest";
import { Runner } from "./runner.ts";
import type { RunnerOptions } from "./runner-options.ts";
import { FakeServer } from "./testing/fake-server.ts";
import { failureOf, gate, outputOf, start } from "./testing/runner-harness.ts";

describe("running a task", () => {
  it("gives the code its input and returns its output", async () => {
    const add = task({ name: "add", run: async ({ a, b }: { a: number; b: number }) => a + b });
    const { server } = await start([add]);
    const result = await server.resultOf(server.push("add", { a: 1, b: 2 }));
    expect(outputOf(result)).toBe(3);
    expect(result.leaseToken).toEqual(new TextEncoder().encode(`token of ${result.taskId}`));
  });

  it("runs code that is not async, and code without input or output", async () => {
    const { server } = await start([task({ name: "nothing", run: () => undefined })]);
    expect(outputOf(await server.resultOf(server.push("nothing")))).toBeUndefined();
  });

  it("tells the code where it is", async () => {
    const whoami = task({
      name: "whoami",
      run: (_: undefined, { jobName, attempt, attemptsLeft, queue, parentId, deadline }) => ({
        jobName,
        attempt,
        attemptsLeft,
        queue,
        parentId: parentId ?? "none",
        deadline: deadline?.getTime(),
      }),
    });
    const { server } = await start([whoami]);
    const change = { attempt: 2, deadline: timestampFromUs(Date.now() * 1000 + 60e6)! };
    expect(outputOf(await server.resultOf(server.push("whoami", undefined, change)))).toEqual({
      jobName: "test job",
      attempt: 2,
      attemptsLeft: 2,
      queue: "default",
      parentId: "none",
      deadline: expect.any(Number),
    });
  });

  it("sends children with the success that submitted them", async () => {
    const leaf = task({ name: "leaf", run: (_: number) => undefined });
    const parent = task({
      name: "parent",
      run: (_: undefined, ctx) => {
        const leaves = ctx.submitMany(leaf, [1, 2, 3], { displays: ["one", "two", "three"] });
        ctx.submit(leaf, 4, { dependsOn: leaves, optional: true });
        ctx.display("split");
        ctx.progress(3, 4, "leaves");
      },
    });
    const { server } = await start([parent, leaf]);
    const result = await server.resultOf(server.push("parent"));
    const { children, display } = result.outcome.value as { children: unknown; display: string };
    expect(children).toMatchObject({ groups: [{ displays: ["one", "two", "three"] }, { dependsOn: [0] }] });
    expect(display).toBe("split");
    expect(result.progress).toMatchObject([{ label: "leaves", done: 3n, total: 4n }]);
  });

  it("sends no children with a failure", async () => {
    const parent = task({
      name: "parent",
      run: (_: undefined, ctx) => {
        ctx.submit(parent as never, undefined as never);
        throw new Error("after submitting");
      },
    });
    const { server } = await start([parent]);
    expect(failureOf(await server.resultOf(server.push("parent")))).toMatchObject({ message: "after submitting" });
  });

  it("reads outputs of dependencies, inline and by pages", async () => {
    const part = task({ name: "part", run: (_: number): number => 0 });
    const sum = task({
      name: "sum",
      run: async (_: undefined, ctx) => (await ctx.outputsOf(part)).reduce((a, b) => a + b, 0),
    });
    const { server } = await start([sum, part]);
    const dependencies = [1, 2].map((n) => server.dependency("part", n));
    expect(outputOf(await server.resultOf(server.push("sum", undefined, { dependencies })))).toBe(3);
    const taskId = server.ids.next();
    const page = (n: number) => [server.dependency("part", n), server.dependency("other", 1_000)];
    server.dependencyPages.set(taskId, [page(10), page(20), page(30)]);
    server.push("sum", undefined, { taskId, dependenciesPaged: true });
    expect(outputOf(await server.resultOf(taskId))).toBe(60);
  });

  it("gives back a task it has no code for", async () => {
    const { server } = await start([task({ name: "known", version: "1.2", run: () => undefined })]);
    const unknown = await server.resultOf(server.push("unknown"));
    expect(unknown.outcome).toMatchObject({ case: "released", value: { reason: ReleaseReason.UNKNOWN_IDENTIFIER } });
    const newer = await server.resultOf(
      server.push("known", undefined, { identifier: { name: "known", version: "1.3" } }),
    );
    expect(newer.outcome.case).toBe("released");
    const older = await server.resultOf(
      server.push("known", undefined, { identifier: { name: "known", version: "1.1" } }),
    );
    expect(older.outcome.case).toBe("success");
  });
});

describe("failures", () => {
  const thrower = (thrown: () => unknown) =>
    task({
      name: "thrower",
      run: async () => {
        throw thrown();
      },
    });

  it.each([
    ["an error", () => new RangeError("too far"), { type: "RangeError", message: "too far" }],
    ["a subclass without a name", () => new (class Odd extends Error {})("x"), { type: "Odd" }],
    ["a string", () => "just text", { type: "string", message: "just text", stack: "" }],
    ["an object", () => ({ code: 7 }), { type: "object", message: '{"code":7}' }],
    ["null", () => null, { type: "null", message: "null" }],
    ["a symbol", () => Symbol("odd"), { type: "symbol", message: "Symbol(odd)" }],
    [
      "an error that cannot be read",
      () => Object.defineProperty(new Error("x"), "stack", { get: () => Object.create(null).no.such }),
      { type: "unreadable", message: "what was thrown cannot be read" },
    ],
    [
      "a wait without end",
      () => new RetryableError("never", { retryAfterMs: Number.POSITIVE_INFINITY }),
      { retryable: true, retryAfter: expect.objectContaining({ seconds: 31_536_000n }) },
    ],
    ["a TerminalError", () => new TerminalError("never"), { type: "TerminalError", retryable: false }],
    [
      "a RetryableError",
      () => new RetryableError("later", { retryAfterMs: 1_500 }),
      { retryable: true, retryAfter: expect.objectContaining({ seconds: 1n, nanos: 500_000_000 }) },
    ],
    [
      "a cause",
      () => new Error("outer", { cause: new Error("inner") }),
      { stack: expect.stringMatching(/Caused by: Error: inner/) },
    ],
  ])("report %s", async (_, thrown, expected) => {
    const { server } = await start([thrower(thrown)]);
    const failure = failureOf(await server.resultOf(server.push("thrower")));
    expect(failure).toMatchObject({ outcome: AttemptOutcome.FAILURE, ...expected });
  });

  it("report output that is not data, or too large, and say that a retry will not help", async () => {
    const big = task({ name: "big", run: () => "x".repeat(300 * 1024) });
    const odd = task({ name: "odd", run: () => ({ n: 1n }) });
    const { server } = await start([big, odd]);
    expect(failureOf(await server.resultOf(server.push("big")))).toMatchObject({
      message: 'cannot return the output of task "big": 307202 bytes, limit is 262144',
      retryable: false,
    });
    expect(failureOf(await server.resultOf(server.push("odd")))).toMatchObject({
      message: expect.stringContaining("value.n is a bigint (1n)"),
      retryable: false,
    });
  });

  it("report an input that is not JSON, and say that a retry will not help", async () => {
    const { server } = await start([task({ name: "any", run: (_: unknown) => undefined })]);
    const result = await server.resultOf(server.push("any", undefined, { input: Uint8Array.of(123) }));
    const message = expect.stringMatching(/^cannot run task "any": its payload is not JSON in UTF-8/);
    expect(failureOf(result)).toMatchObject({ message, retryable: false });
  });
});

describe("keeping leases", () => {
  it("works for a lease whose third is not a whole number of milliseconds", async () => {
    const server = new FakeServer();
    server.heartbeatMs = 1_000 / 30;
    await start([task({ name: "any", run: () => undefined })], {}, server);
    await server.until(() => server.heartbeatTimeouts.length > 0, "a heartbeat has come");
    expect(server.heartbeatTimeouts[0]).toBe("66");
  });
});

describe("an error that nobody caught", () => {
  it("fails the attempt whose code it came from, at once, and no other", async () => {
    const hang = gate();
    const broken = task({
      name: "broken",
      async run() {
        setImmediate(() => void runner.claimError(new RangeError("from a callback")));
        await hang.promise;
      },
    });
    const waits = task({ name: "waits", run: () => hang.promise });
    const { server, runner, lines } = await start([broken, waits]);
    const other = server.push("waits");
    const result = await server.resultOf(server.push("broken"));
    expect(failureOf(result)).toMatchObject({ type: "RangeError", message: "from a callback" });
    expect(lines.join("\n")).toMatch(/attempt 1 of task "broken" .* failed by an error nobody caught: RangeError/);
    expect(server.results).toHaveLength(1);
    hang.resolve();
    expect((await server.resultOf(other)).outcome.case).toBe("success");
  });

  it("changes nothing when its attempt has ended, and is not the runner's when it came from none", async () => {
    const end = gate<boolean>();
    const leaves = task({
      name: "leaves",
      run: () => void server.resultOf(taskId).then(() => end.resolve(runner.claimError(new Error("late")))),
    });
    const { server, runner, lines } = await start([leaves]);
    const taskId = server.push("leaves");
    expect(await end.promise).toBe(true);
    expect(lines.join("\n")).toContain("left an error nobody caught after its end: Error: late");
    expect(server.results).toMatchObject([{ outcome: { case: "success" } }]);
    expect(runner.claimError(new Error("from nowhere"))).toBe(false);
  });
});

describe("stopping an attempt", () => {
  const hangs = (onAbort: (reason: unknown) => void) =>
    task({
      name: "hangs",
      run: (_: undefined, { signal }) =>
        new Promise<void>((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            onAbort(signal.reason);
            reject(signal.reason);
          });
        }),
    });

  it("aborts at the deadline, by the server's clock, and reports a timeout", async () => {
    const reasons: unknown[] = [];
    const { server } = await start([hangs((reason) => reasons.push(reason))]);
    // The server's clock is an hour ahead; only the distance counts.
    const nowUs = (Date.now() + 3_600_000) * 1000;
    const result = await server.resultOf(
      server.push("hangs", undefined, {
        leaseExpiresAt: timestampFromUs(nowUs + 15e6)!,
        deadline: timestampFromUs(nowUs + 30_000)!,
      }),
    );
    expect(failureOf(result)).toMatchObject({ outcome: AttemptOutcome.TIMEOUT, type: "AttemptAborted" });
    expect(reasons).toMatchObject([{ name: "AttemptAborted", kind: "timeout" }]);
  });

  it("takes the definition's timeout when the submission named the task alone and gave none", async () => {
    const run = (_: undefined, { signal }: TaskContext) =>
      new Promise<void>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const { server } = await start([task({ name: "hangs", timeoutMs: 20, run })]);
    expect(failureOf(await server.resultOf(server.push("hangs")))).toMatchObject({ outcome: AttemptOutcome.TIMEOUT });
  });

  it("calls code that kept the event loop busy past its deadline a timeout", async () => {
    const busy = task({
      name: "busy",
      timeoutMs: 20,
      run: () => {
        const endMs = performance.now() + 40;
        while (performance.now() < endMs);
        return "too late";
      },
    });
    const { server } = await start([busy]);
    expect(failureOf(await server.resultOf(server.push("busy")))).toMatchObject({ outcome: AttemptOutcome.TIMEOUT });
  });

  it("calls what returned after the deadline a timeout too", async () => {
    const late = task({
      name: "late",
      run: (_: undefined, { signal }) =>
        new Promise<string>((resolve) => signal.addEventListener("abort", () => resolve("done"))),
    });
    const { server } = await start([late]);
    const result = await server.resultOf(server.push("late", undefined, { deadline: timestampFromUs(1)! }));
    expect(failureOf(result).outcome).toBe(AttemptOutcome.TIMEOUT);
  });

  it("abandons code that does not stop, reports it, and uses its slot again", async () => {
    const never = task({ name: "never", run: () => new Promise<void>(() => undefined) });
    const quick = task({ name: "quick", run: () => "ok" });
    const { server } = await start([never, quick], { concurrency: 1, abandonAfterMs: 5 });
    const stuck = server.push("never", undefined, { deadline: timestampFromUs(1)! });
    expect(failureOf(await server.resultOf(stuck)).outcome).toBe(AttemptOutcome.TIMEOUT);
    expect(outputOf(await server.resultOf(server.push("quick")))).toBe("ok");
  });

  it("aborts and reports what the server cancelled", async () => {
    const kinds: unknown[] = [];
    const server = new FakeServer();
    server.heartbeatMs = 10;
    await start([hangs((reason) => kinds.push((reason as { kind: string }).kind))], {}, server);
    const taskId = server.push("hangs");
    server.fates.cancelled.set(taskId, CancellationReason.JOB_CANCELLED);
    expect(failureOf(await server.resultOf(taskId)).outcome).toBe(AttemptOutcome.CANCELLED);
    expect(kinds).toEqual(["cancelled"]);
  });

  it("never reports an attempt whose lease was lost", async () => {
    const aborted = gate<unknown>();
    const server = new FakeServer();
    server.heartbeatMs = 10;
    const quick = task({ name: "quick", run: () => "ok" });
    await start([hangs(aborted.resolve), quick], {}, server);
    const taskId = server.push("hangs");
    server.fates.lost.add(taskId);
    expect(await aborted.promise).toMatchObject({ kind: "lease_lost" });
    await server.resultOf(server.push("quick"));
    expect(server.results.map((result) => result.taskId)).not.toContain(taskId);
  });

  it("says once that a lease was lost, however long the code goes on", async () => {
    const end = gate<void>();
    const server = new FakeServer();
    server.heartbeatMs = 10;
    const lines: string[] = [];
    const deaf = task({ name: "deaf", run: () => end.promise });
    await start([deaf], { log: (line) => void lines.push(line) }, server);
    const taskId = server.push("deaf");
    server.fates.lost.add(taskId);
    const told = () => server.heartbeats.filter((running) => running.some((each) => each.taskId === taskId)).length;
    await server.until(() => told() >= 5, "five heartbeats named the attempt");
    end.resolve();
    expect(lines.filter((line) => line.startsWith("lost the lease"))).toHaveLength(1);
  });
});

describe("options", () => {
  it("are checked", () => {
    const a = task({ name: "a", run: () => 1 });
    const make = (options: Partial<RunnerOptions>) => () => new Runner({ tasks: [a], ...options });
    expect(make({ tasks: [] })).toThrow("cannot make a runner: tasks is empty");
    expect(make({ tasks: [a, task({ name: "a", version: "1.3", run: () => 2 })] })).toThrow(
      'cannot make a runner: two tasks are named "a" with major version 1 (versions 1.0 and 1.3)',
    );
    expect(make({ tasks: [{ name: "a" } as never] })).toThrow("tasks[0] was not made by task()");
    expect(make({ concurrency: 0 })).toThrow("concurrency is 0, must be a whole number in 1..10000");
    expect(make({ queues: [] })).toThrow("queues is [], must be at least one name");
    expect(make({ tasks: [a, a, task({ name: "a", version: "2.0", run: () => 2 })] })).not.toThrow();
  });
});
