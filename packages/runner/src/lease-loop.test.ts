import { ReleaseReason, ResultStatus, SpanloomError } from "@spanloom/protocol";
import { task } from "@spanloom/sdk";
import { describe, expect, it } from "vitest";
import { Runner } from "./runner.ts";
import { FakeServer } from "./testing/fake-server.ts";
import { gate, outputOf, start } from "./testing/runner-harness.ts";

describe("leasing", () => {
  it("runs at most as many attempts at once as it may, and all of them in the end", async () => {
    let now = 0;
    let most = 0;
    const busy = task({
      name: "busy",
      run: async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
      },
    });
    const { server } = await start([busy], { concurrency: 7 });
    for (let i = 0; i < 500; i++) server.push("busy");
    await server.until(() => server.results.length === 500, "all are reported");
    expect(most).toBe(7);
  });

  it("needs few requests for many tiny tasks", async () => {
    const { server } = await start([task({ name: "noop", run: async () => undefined })], { concurrency: 50 });
    for (let i = 0; i < 10_000; i++) server.push("noop");
    await server.until(() => server.results.length === 10_000, "all are reported");
    expect(server.requests.length).toBeLessThan(120);
  });

  it("costs one request per step of a chain, once a poll is parked", async () => {
    const server = new FakeServer();
    const chain = task({ name: "chain", run: (_: number) => undefined });
    server.acknowledge = (result) => {
      const steps = server.results.length;
      if (steps < 99) server.push("chain", steps);
      return result.outcome.case === "success" ? ResultStatus.OK : ResultStatus.INVALID;
    };
    await start([chain], {}, server);
    server.push("chain", -1);
    await server.until(() => server.results.length === 100, "the chain is done");
    expect(server.requests.length).toBeLessThan(110);
  });

  it("reports code that ended at once before it polls again", async () => {
    const { server } = await start([task({ name: "noop", run: () => undefined })]);
    await server.until(() => server.requests.length === 1, "a poll is parked");
    server.push("noop");
    await server.until(() => server.requests.length === 3, "the result and the next poll have come");
    expect(server.requests.map(({ results }) => results.length)).toEqual([0, 1, 0]);
  });

  it("holds no more tasks than it may while they take long", async () => {
    const release = gate();
    const slow = task({ name: "slow", run: () => release.promise });
    const { server } = await start([slow], { concurrency: 3 });
    for (let i = 0; i < 10; i++) server.push("slow");
    const asked = () => server.requests.reduce((sum, request) => sum + request.maxTasks, 0);
    await server.until(() => asked() >= 3, "three tasks are asked for");
    expect(asked()).toBe(3);
    release.resolve();
    await server.until(() => server.results.length === 10, "all are reported");
  });

  it("gives back what waits too long for a slot, so that another runner may have it", async () => {
    const release = gate();
    const server = new FakeServer();
    server.heartbeatMs = 50;
    // Tiny tasks first, so that more are fetched than can run; then one that holds the only slot.
    const work = task({ name: "work", run: (wait: boolean) => (wait ? release.promise : undefined) });
    for (let i = 0; i < 50; i++) server.push("work", false);
    for (let i = 0; i < 5; i++) server.push("work", true);
    await start([work], { concurrency: 1 }, server);
    await server.until(() => server.results.length === 54, "all but the one that runs are reported");
    const outcomes = server.results.map((result) => result.outcome.case);
    expect(outcomes.filter((outcome) => outcome === "released")).toHaveLength(4);
    release.resolve();
    await server.until(() => server.results.length === 55, "the last one is reported");
  });

  it("reports a result although a poll is sleeping", async () => {
    const done = gate();
    const slow = task({ name: "slow", run: () => done.promise });
    const { server } = await start([slow], { concurrency: 2 });
    const taskId = server.push("slow");
    await server.until(() => server.requests.filter((request) => request.wait).length === 2, "a second poll sleeps");
    done.resolve();
    await server.resultOf(taskId);
  });
});

describe("a server in trouble", () => {
  it("that is away loses no result", async () => {
    const release = gate();
    const held = task({ name: "held", run: () => release.promise.then(() => "kept") });
    const { server, lines } = await start([held]);
    const taskIds = [1, 2, 3].map(() => server.push("held"));
    await server.until(() => server.requests.length >= 1, "tasks are leased");
    await new Promise((resolve) => setImmediate(resolve));
    server.outage = new SpanloomError("STORE_UNAVAILABLE", "away");
    release.resolve();
    const before = server.requests.length;
    await server.until(() => server.requests.length > before + 1, "it was tried in vain");
    expect(server.results).toHaveLength(0);
    server.outage = undefined;
    for (const taskId of taskIds) expect(outputOf(await server.resultOf(taskId))).toBe("kept");
    expect(lines.some((line) => line.includes("trying again"))).toBe(true);
  });

  it("that loses answers is told again, and runs nothing twice", async () => {
    let runs = 0;
    const count = task({ name: "count", run: () => ++runs });
    const { server } = await start([count]);
    server.loseAnswers = 3;
    await server.resultOf(server.push("count"));
    await server.until(() => server.loseAnswers === 0, "answers were lost");
    expect(runs).toBe(1);
    expect(server.results).toHaveLength(1);
  });

  it("that refuses a whole request is given its parts, and only the bad one is given up", async () => {
    const server = new FakeServer();
    const echo = task({ name: "echo", run: (n: number) => n });
    const bad = new Set<string>();
    server.refuse = ({ results }) =>
      results.some(({ taskId }) => bad.has(taskId)) ? new SpanloomError("INVALID_FIELD", "cannot decode") : undefined;
    const ids = Array.from({ length: 20 }, (_, n) => server.push("echo", n));
    bad.add(ids[7]!);
    const { lines } = await start([echo], { concurrency: 20 }, server);
    await server.until(() => server.results.length === 19, "all others are reported");
    expect(lines.filter((line) => line.includes("gave up"))).toEqual([
      `gave up the result of task ${ids[7]}: the server refuses it: cannot decode`,
    ]);
  });

  it("that calls a lease stale is believed", async () => {
    const { server, lines } = await start([task({ name: "late", run: () => undefined })]);
    server.acknowledge = () => ResultStatus.STALE_LEASE;
    server.push("late");
    await server.until(() => lines.some((line) => line.includes("came too late")), "it is noted");
    expect(server.results).toHaveLength(0);
  });

  it("is waited for at the start", async () => {
    const server = new FakeServer();
    server.outage = new SpanloomError("STORE_UNAVAILABLE", "not yet");
    const started = start([task({ name: "a", run: () => "a" })], {}, server);
    setImmediate(() => {
      server.outage = undefined;
    });
    await started;
    expect(server.registrations).toBe(1);
  });
});

describe("stop()", () => {
  it("lets attempts finish, gives back what waits, and unregisters", async () => {
    const begun = gate();
    const release = gate();
    const slow = task({
      name: "slow",
      run: () => {
        begun.resolve();
        return release.promise.then(() => "finished");
      },
    });
    const { server, runner } = await start([slow], { concurrency: 1 });
    const taskId = server.push("slow");
    await begun.promise;
    const stopped = runner.stop();
    const later = server.push("slow");
    release.resolve();
    await stopped;
    await runner.stop();
    expect(outputOf(await server.resultOf(taskId))).toBe("finished");
    expect(server.results.map((result) => result.taskId)).not.toContain(later);
    expect(server.unregistered).toBe(true);
  });

  it("aborts and gives back what does not finish in time", async () => {
    const begun = gate();
    const kinds: string[] = [];
    const forever = task({
      name: "forever",
      run: (_: undefined, { signal }) => {
        begun.resolve();
        return new Promise<void>((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            kinds.push(signal.reason.kind);
            reject(signal.reason);
          });
        });
      },
    });
    const { server, runner } = await start([forever], { graceMs: 10 });
    const taskId = server.push("forever");
    await begun.promise;
    await runner.stop();
    const result = await server.resultOf(taskId);
    expect(result.outcome).toMatchObject({ case: "released", value: { reason: ReleaseReason.SHUTDOWN } });
    expect(kinds).toEqual(["shutdown"]);
  });

  it("ends a start that never reached the server", async () => {
    const server = new FakeServer();
    server.outage = new SpanloomError("STORE_UNAVAILABLE", "away");
    const runner = new Runner({ transport: server.transport, tasks: [task({ name: "a", run: () => 1 })] });
    const started = runner.start();
    await runner.stop();
    await expect(started).rejects.toThrow("the runner was stopped");
  });
});
