import { type TaskContext, task } from "@spanloom/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { captureConsole } from "./console-capture.ts";
import { Runner } from "./runner.ts";
import type { RunnerOptions } from "./runner-options.ts";
import { logsIn, spansIn } from "./testing/decode-telemetry.ts";
import { FakeServer } from "./testing/fake-server.ts";
import { freezableClocks } from "./testing/freezable-clocks.ts";

const methods = ["trace", "debug", "log", "info", "dir", "warn", "error", "table", "group"] as const;
let printed: unknown[][];
let found: Record<string, unknown>;
beforeEach(() => {
  printed = [];
  const print = (...args: unknown[]): void => void printed.push(args);
  for (const method of methods) vi.spyOn(console, method as "log").mockImplementation(print);
  found = Object.fromEntries(methods.map((method) => [method, console[method]]));
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function runTask(run: (ctx: TaskContext) => unknown, options: Partial<RunnerOptions> = {}) {
  const server = new FakeServer();
  const code = task({ name: "code", run: (_: undefined, ctx) => run(ctx) as undefined });
  const runner = new Runner({ transport: server.transport, tasks: [code], captureConsole: true, ...options });
  await runner.start();
  const taskId = server.push("code");
  const result = await server.resultOf(taskId);
  await runner.stop();
  return { taskId, result, logs: logsIn(server.logs), spans: spansIn(server.traces) };
}

const bodies = (logs: { severity: string; body: unknown }[]) => logs.map(({ severity, body }) => [severity, body]);

describe("what a task prints", () => {
  it("becomes log records, formatted as console does, with severity, attempt and active span", async () => {
    const { logs, spans, taskId } = await runTask((ctx) => {
      console.log("%s has %d of %o", "a", 1, ["b"], { c: { d: { e: {} } } });
      ctx.span("inside", () => console.error(new RangeError("far").message, 2n, Symbol("s")));
      console.debug();
      console.info("");
      console.warn("careful");
      console.trace("here");
      console.dir({ a: { b: { c: 1 } } }, { depth: 0 });
    });
    expect(bodies(logs)).toEqual([
      ["INFO", "a has 1 of [ 'b', [length]: 1 ] { c: { d: { e: {} } } }"],
      ["ERROR", "far 2n Symbol(s)"],
      ["DEBUG", ""],
      ["INFO", ""],
      ["WARN", "careful"],
      ["TRACE", "here"],
      ["INFO", "{ a: [Object] }"],
    ]);
    expect(logs[0]!.attributes).toMatchObject({ "spanloom.task.id": taskId, "log.iostream": "stdout" });
    expect(logs[1]).toMatchObject({ spanId: spans[0]!.spanId, attributes: { "log.iostream": "stderr" } });
  });

  it("is where it was written among what the context logs, at one time of one clock", async () => {
    const clocks = freezableClocks();
    const { logs } = await runTask((ctx) => {
      clocks.freeze();
      ctx.log.info("first");
      console.log("second");
      ctx.log.info("third");
      console.log("fourth");
      clocks.thaw();
    });
    expect(logs.map(({ body }) => body)).toEqual(["first", "second", "third", "fourth"]);
    const [{ timeNs }] = logs as [(typeof logs)[number]];
    expect(logs.map((log) => log.timeNs - timeNs)).toEqual([0n, 1n, 2n, 3n]);
  });

  it("is printed as before (I1)", async () => {
    await runTask(() => console.log("%s", "a", { b: 1 }));
    expect(printed).toEqual([["%s", "a", { b: 1 }]]);
  });

  it("is told apart from what is printed outside of attempts, by the runner too, which is only printed (I1)", async () => {
    const log = (line: string) => console.error(line);
    const { logs } = await runTask(() => console.log("inside"), { log });
    console.log("outside");
    expect(bodies(logs)).toEqual([["INFO", "inside"]]);
    expect(printed.flat()).toEqual(expect.arrayContaining(["inside", "outside", expect.stringContaining("is ready")]));
  });

  it("is recorded once, however console's methods call each other and values print (I2)", async () => {
    vi.mocked(console.trace).mockImplementation((...args) => console.error("Trace:", ...args));
    vi.mocked(console.table).mockImplementation((rows) => console.log(`table of ${rows.length}`));
    const nosy = {
      [Symbol.for("nodejs.util.inspect.custom")]: () => {
        console.log("from within");
        return "nosy";
      },
    };
    const { logs } = await runTask(() => {
      console.trace("here");
      console.table([1, 2]);
      console.log(nosy);
    });
    expect(bodies(logs)).toEqual([
      ["TRACE", "here"],
      ["INFO", "table of 2"],
      ["INFO", "nosy"],
    ]);
    expect(printed).toEqual([["Trace:", "here"], ["table of 2"], [nosy], ["from within"]]);
  });

  it("never fails the code by being recorded (I3)", async () => {
    const hostile = {
      [Symbol.for("nodejs.util.inspect.custom")]: () => {
        throw new Error("cannot be shown");
      },
    };
    const { result, logs } = await runTask(() => {
      console.log(hostile);
      console.log("after");
    });
    expect(result.outcome.case).toBe("success");
    expect(bodies(logs)).toEqual([["INFO", "after"]]);
    expect(result.droppedTelemetry).toBe(1n);
  });

  it("throws what console throws, and goes on capturing", async () => {
    vi.mocked(console.log).mockImplementationOnce(() => {
      throw new Error("the pipe is broken");
    });
    const { logs } = await runTask(() => {
      expect(() => console.log("lost")).toThrow("the pipe is broken");
      console.log("after");
    });
    expect(bodies(logs)).toEqual([["INFO", "after"]]);
  });

  it("is not recorded unless asked for", async () => {
    const { logs } = await runTask(() => console.log("unseen"), { captureConsole: false });
    expect(logs).toEqual([]);
  });
});

describe("console", () => {
  const now = () => Object.fromEntries(methods.map((method) => [method, console[method]]));

  it("is as it was found once every runner has stopped (I4)", () => {
    const [first, second] = [captureConsole(), captureConsole()];
    expect(console.log).not.toBe(found.log);
    expect(console.log.name).toBe("log");
    first();
    first();
    expect(console.log).not.toBe(found.log);
    second();
    expect(now()).toEqual(found);
    captureConsole()();
    expect(now()).toEqual(found);
  });

  it("keeps what somebody else has made of it meanwhile (I4)", () => {
    const release = captureConsole();
    const captured = console.log;
    const other = (...args: unknown[]) => captured("other", ...args);
    console.log = other;
    release();
    expect(console.log).toBe(other);
    console.log("text");
    expect(printed).toEqual([["other", "text"]]);
    console.log = found.log as typeof console.log;
    expect(now()).toEqual(found);
  });
});
