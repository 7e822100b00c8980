import { type Attributes, trace } from "@opentelemetry/api";
import { attemptSpanId, SpanloomError } from "@spanloom/protocol";
import { type TaskContext, task } from "@spanloom/sdk";
import { afterEach, describe, expect, it } from "vitest";
import { Runner } from "../runner.ts";
import type { RunnerOptions } from "../runner-options.ts";
import { logsIn, type PlainSpan, spansIn } from "../testing/decode-telemetry.ts";
import { FakeServer } from "../testing/fake-server.ts";

const running: Runner[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((runner) => runner.stop()));
});

const MIB = 1024 * 1024;

async function start(
  run: (ctx: TaskContext) => unknown,
  options: Partial<RunnerOptions> = {},
  server = new FakeServer(),
) {
  const lines: string[] = [];
  const code = task({ name: "code", run: (_: undefined, ctx) => run(ctx) as undefined });
  const log = (line: string) => void lines.push(line);
  const runner = new Runner({ transport: server.transport, tasks: [code], graceMs: 500, log, ...options });
  running.push(runner);
  await runner.start();
  return { server, runner, lines };
}

/** Runs code as a task and returns what the server got. */
async function runTask(run: (ctx: TaskContext) => unknown, options: Partial<RunnerOptions> = {}) {
  const { server, lines } = await start(run, options);
  const taskId = server.push("code");
  const result = await server.resultOf(taskId);
  return { server, taskId, result, lines, spans: spansIn(server.traces), logs: logsIn(server.logs) };
}

const namesOf = (spans: readonly PlainSpan[]): string[] => spans.map(({ name }) => name);

describe("attributes", () => {
  it("of every type arrive, as text where OTLP has no type for them", async () => {
    class Point {
      x = 1;
      get norm(): number {
        return 2;
      }
    }
    const { logs, result } = await runTask((ctx) => {
      const attributes: Record<string, unknown> = {
        text: "x",
        empty: "",
        int: -7,
        big: 2 ** 53,
        double: 0.5,
        nan: Number.NaN,
        minusZero: -0,
        yes: true,
        undefined: undefined,
        null: null,
        bigint: 9_007_199_254_740_993n,
        minusBigint: -(2n ** 63n),
        hugeBigint: 2n ** 70n,
        symbol: Symbol("why"),
        function: function named() {},
        date: new Date(0),
        noDate: new Date(Number.NaN),
        url: new URL("http://a/b"),
        error: new RangeError("far", { cause: "the wind" }),
        pattern: /x+/gu,
        boxed: new String("box"),
        bytes: new Uint8Array([1, 2]),
        buffer: new Uint8Array([3, 4]).buffer,
        floats: new Float32Array([0.5]),
        list: [1, "a", undefined, null, [true]],
        map: new Map<unknown, unknown>([[1, { a: 1 }]]),
        set: new Set(["s"]),
        point: new Point(),
        "": "no name",
        __proto__: "hidden",
        "\u0000\ud800": "hostile \udfff",
      };
      Object.defineProperty(attributes, "throws", { enumerable: true, get: () => ctx.attempt.toFixed(1_000) });
      ctx.log.info("all", attributes as Attributes);
    });
    expect(result.outcome.case).toBe("success");
    expect(logs[0]!.attributes).toMatchObject({
      text: "x",
      empty: "",
      int: -7n,
      big: 2 ** 53,
      double: 0.5,
      nan: Number.NaN,
      minusZero: -0,
      yes: true,
      null: undefined,
      bigint: 9_007_199_254_740_993n,
      minusBigint: -(2n ** 63n),
      hugeBigint: (2n ** 70n).toString(),
      symbol: "Symbol(why)",
      function: "[function named]",
      date: "1970-01-01T00:00:00.000Z",
      noDate: "null",
      url: "http://a/b",
      error: expect.stringMatching(/^RangeError: far\n {4}at .*\nCaused by: 'the wind'$/s),
      pattern: "/x+/gu",
      boxed: "box",
      bytes: new Uint8Array([1, 2]),
      buffer: new Uint8Array([3, 4]),
      floats: [0.5],
      list: [1n, "a", undefined, undefined, [true]],
      map: { 1: { a: 1n } },
      set: ["s"],
      point: { x: 1n },
      "": "no name",
      "\u0000\ufffd": "hostile \ufffd",
      throws: "[unreadable]",
    });
    expect("undefined" in logs[0]!.attributes).toBe(false);
  });

  it("that nest without end are cut off", async () => {
    const deep: Record<string, unknown> = {};
    let at = deep;
    for (let i = 0; i < 10_000; i++) {
      at.down = {};
      at = at.down as Record<string, unknown>;
    }
    const { logs } = await runTask((ctx) => ctx.log.info("deep", { deep } as never));
    expect(JSON.stringify(logs[0]!.attributes.deep)).toMatch(/^(\{"down":){16}"\[nested too deep\]"\}{16}$/);
  });

  it("whose reading makes spans and logs do not disturb them", async () => {
    const { spans, logs } = await runTask((ctx) => {
      const nosy = {
        toJSON: () => ctx.span("within", () => ctx.log.warn("within", { more: [new Date(0)] } as never)) ?? "read",
      };
      ctx.log.info("outer", { before: 1, nosy, after: 2 } as never);
    });
    expect(namesOf(spans)).toEqual(["within"]);
    expect(logs.map(({ body, attributes }) => [body, attributes.before, attributes.nosy, attributes.after])).toEqual([
      ["within", undefined, undefined, undefined],
      ["outer", 1n, "read", 2n],
    ]);
  });

  it("with huge texts are cut until the record fits a request, and nothing else suffers", async () => {
    const { spans, logs, result } = await runTask((ctx) => {
      ctx.span("large", () => undefined, { attributes: { text: "ä".repeat(900_000), n: 1 } });
      ctx.span("huge", () => undefined, { attributes: { text: "x".repeat(50 * MIB), n: 2 } });
      ctx.tracer.startSpan("x".repeat(50 * MIB), { attributes: { ["k".repeat(50 * MIB)]: 3 } }).end();
      ctx.log.info("x".repeat(50 * MIB), { bytes: new Uint8Array(50 * MIB), n: 4 } as never);
      ctx.log.info("many", { list: new Array(3_000_000).fill("0123456789") } as never);
    });
    expect(result.outcome.case).toBe("success");
    const [large, huge, hostile] = spans;
    expect(large!.attributes).toMatchObject({ text: "ä".repeat(900_000), n: 1n });
    expect(huge!.attributes).toMatchObject({ n: 2n });
    expect(huge!.attributes.text).toBe(`${"x".repeat(MIB)}… (cut, ${50 * MIB} characters)`);
    expect(hostile!.name.length).toBeLessThan(2 * MIB);
    expect(logs).toHaveLength(1);
    expect(logs[0]!.attributes).toMatchObject({ n: 4n, "spanloom.task.name": "code" });
    expect(result.droppedTelemetry).toBe(1n);
  });
});

describe("spans", () => {
  it("ended twice, renamed after their end, or named by no text count once and as they were", async () => {
    const { spans, result } = await runTask((ctx) => {
      const span = ctx.tracer.startSpan("twice");
      span.end();
      span.updateName("renamed").setAttribute("late", true);
      span.end();
      for (const name of [undefined, null, 7, Symbol("s"), {}]) ctx.tracer.startSpan(name as never).end();
      ctx.tracer.startSpan("").end();
      ctx.tracer.startSpan("at no time", { startTime: new Date(Number.NaN) }).end(Number.POSITIVE_INFINITY);
    });
    expect(result.outcome.case).toBe("success");
    const wanted = ["twice", "undefined", "null", "7", "Symbol(s)", "[object Object]", ""];
    expect(namesOf(spans).slice(0, wanted.length)).toEqual(wanted);
    expect(spans[0]!.attributes).not.toHaveProperty("late");
  });

  it("record exceptions of any kind, and the attempt fails with what was thrown", async () => {
    const cyclic = new Error("cyclic");
    cyclic.cause = new TypeError("of itself", { cause: cyclic });
    const hostile = Object.defineProperty(new Error("hostile"), "message", {
      get: () => {
        throw new Error("no message");
      },
    });
    for (const thrown of [cyclic, hostile, null, undefined, "text", Symbol("s"), { toString: null }, 7n]) {
      const { spans, result } = await runTask((ctx) => {
        trace.getActiveSpan()!.recordException(cyclic);
        ctx.span("fails", () => {
          throw thrown;
        });
      });
      expect(namesOf(spans), String(result.outcome.case)).toEqual(["fails"]);
      expect(spans[0]!.statusCode).toBe(2);
      expect(result.outcome.case).toBe("failure");
    }
  });

  it("that end after their attempt did, thousands of them, arrive with its attributes", async () => {
    const late: (() => void)[] = [];
    const { server, taskId } = await runTask((ctx) => {
      for (let i = 0; i < 5_000; i++) {
        const span = ctx.tracer.startSpan(`late ${i}`);
        late.push(() => span.end());
      }
    });
    for (const end of late) end();
    await server.until(() => spansIn(server.traces).length === 5_000, "all late spans arrived");
    for (const { parentSpanId, attributes } of spansIn(server.traces)) {
      expect([parentSpanId, attributes["spanloom.task.id"]]).toEqual([attemptSpanId(taskId, 1), taskId]);
    }
  });
});

describe("a server", () => {
  it("that is away for a while gets every span and log when it is back", async () => {
    const { server } = await start((ctx) => {
      for (let i = 0; i < 2_000; i++) ctx.span(`span ${i}`, () => ctx.log.info("log", { i }));
    });
    const away = new SpanloomError("STORE_UNAVAILABLE", "away");
    let refusals = 0;
    server.refuse = ({ results, telemetry }) => {
      if (results.length === 0 && !telemetry) return undefined;
      return ++refusals <= 3 ? away : undefined;
    };
    const ids = Array.from({ length: 10 }, () => server.push("code"));
    const results = await Promise.all(ids.map((id) => server.resultOf(id)));
    expect(refusals).toBeGreaterThan(3);
    expect(results.map(({ droppedTelemetry }) => droppedTelemetry)).toEqual(Array(10).fill(0n));
    const spans = spansIn(server.traces);
    expect(spans).toHaveLength(20_000);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(20_000);
    expect(logsIn(server.logs)).toHaveLength(20_000);
  });

  it("that has no room for it for a while gets it later, once, and the results at once (P4)", async () => {
    const server = new FakeServer();
    let refusals = 0;
    server.rejectTelemetry = () => {
      const isFull = server.results.length === 0 || refusals < 3;
      if (isFull) refusals++;
      return isFull
        ? { rejectedSpans: 20n, message: "cannot take telemetry: the spool is full", retryable: true }
        : undefined;
    };
    const { lines } = await start(
      (ctx) => {
        for (let i = 0; i < 20; i++) ctx.span(`span ${i}`, () => undefined);
      },
      {},
      server,
    );
    const result = await server.resultOf(server.push("code"));
    expect(server.traces).toEqual([]);
    await server.until(() => server.traces.length > 0, "its spans arrive");
    expect(refusals).toBe(3);
    expect(namesOf(spansIn(server.traces))).toEqual(Array.from({ length: 20 }, (_, i) => `span ${i}`));
    expect(result.droppedTelemetry).toBe(0n);
    expect(lines.filter((line) => line.includes("no room for telemetry"))).toHaveLength(1);
  });

  it("that takes less in a message than it was sent gets it in parts, and the result in any case", async () => {
    const server = new FakeServer();
    let refusals = 0;
    server.refuse = ({ telemetry }) => {
      const parts = [...(telemetry?.traces ?? []), ...(telemetry?.logs ?? [])];
      const bytes = parts.reduce((sum, { length }) => sum + length, 0);
      if (bytes <= 200_000) return undefined;
      refusals++;
      return new SpanloomError("LIMIT_EXCEEDED", "cannot read a request: too large");
    };
    const { lines } = await start(
      (ctx) => {
        for (let i = 0; i < 3_000; i++) ctx.span("small", () => undefined, { attributes: { i } });
        ctx.log.info("large", { text: "x".repeat(300_000) });
        ctx.log.info("small");
      },
      {},
      server,
    );
    const result = await server.resultOf(server.push("code"));
    expect(result.outcome.case).toBe("success");
    expect(result.droppedTelemetry).toBe(1n);
    expect(refusals).toBeGreaterThan(1);
    expect(spansIn(server.traces)).toHaveLength(3_000);
    expect(logsIn(server.logs).map(({ body }) => body)).toEqual(["small"]);
    expect(lines.filter((line) => line.startsWith("gave up"))).toEqual([
      "gave up 1 spans and log records: the server refuses it: cannot read a request: too large",
    ]);
  });
});

describe("a runner that is stopped", () => {
  it("in the middle of a burst sends what was made until then, whole", async () => {
    let made = 0;
    const begun = Promise.withResolvers<void>();
    const { server, runner } = await start(
      async (ctx) => {
        while (!ctx.signal.aborted) {
          for (let i = 0; i < 100; i++) ctx.span("s", () => made++);
          if (made > 5_000) begun.resolve();
          await new Promise(setImmediate);
        }
        ctx.log.warn("stopping");
      },
      { graceMs: 1 },
    );
    const taskId = server.push("code");
    await begun.promise;
    await runner.stop();
    expect((await server.resultOf(taskId)).outcome.case).toBe("success");
    expect(spansIn(server.traces)).toHaveLength(made);
    expect(logsIn(server.logs).map(({ body }) => body)).toEqual(["stopping"]);
  });
});
