import { toBinary } from "@bufbuild/protobuf";
import { context, propagation, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { Exporter, TelemetryBatch } from "@spanloom/exporter";
import { attemptSpanId, defaultLimits, originOf, SpanloomError, spanIdOf } from "@spanloom/protocol";
import { SpanSchema } from "@spanloom/protocol/otlp";
import { type AnyTask, activeCarrier, type TaskContext, task } from "@spanloom/sdk";
import { afterEach, describe, expect, it } from "vitest";
import { Runner } from "../runner.ts";
import type { RunnerOptions } from "../runner-options.ts";
import { logsIn, type PlainSpan, plainMap, spansIn, spansOf } from "../testing/decode-telemetry.ts";
import { FakeServer } from "../testing/fake-server.ts";
import { spanloomSpanProcessor } from "./span-processor.ts";

const running: Runner[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((runner) => runner.stop()));
});

async function start(tasks: AnyTask[], options: Partial<RunnerOptions> = {}, server = new FakeServer()) {
  const runner = new Runner({ transport: server.transport, tasks, serviceName: "svc", graceMs: 500, ...options });
  running.push(runner);
  await runner.start();
  return { server, runner };
}

/** Runs code as a task and returns what the server got. */
async function runTask(run: (ctx: TaskContext) => unknown, change = {}, options: Partial<RunnerOptions> = {}) {
  const code = task({ name: "code", run: (_: undefined, ctx) => run(ctx) as undefined });
  const { server, runner } = await start([code], options);
  const taskId = server.push("code", undefined, change);
  const result = await server.resultOf(taskId);
  return { server, runner, taskId, result, spans: spansIn(server.traces), logs: logsIn(server.logs) };
}

const named = (spans: PlainSpan[], name: string): PlainSpan => {
  const found = spans.find((span) => span.name === name);
  if (!found) throw new Error(`no span "${name}" among ${spans.map((span) => span.name).join(", ")}`);
  return found;
};

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe("spans of a task", () => {
  it("nest through async code, below the attempt's span", async () => {
    const { spans, taskId } = await runTask((ctx) =>
      ctx.span("outer", async () => {
        await tick();
        await Promise.all([ctx.span("left", tick), ctx.span("right", async () => ctx.span("deep", () => undefined))]);
        trace.getTracer("any").startActiveSpan("plain", (span) => span.end());
      }),
    );
    const parentOf = (name: string) => named(spans, name).parentSpanId;
    expect(parentOf("outer")).toBe(attemptSpanId(taskId, 1));
    for (const name of ["left", "right", "plain"]) expect(parentOf(name)).toBe(named(spans, "outer").spanId);
    expect(parentOf("deep")).toBe(named(spans, "right").spanId);
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(1);
  });

  it("carry the attempt's identity, the runner's resource, and the origin in tracestate", async () => {
    const { spans, taskId, runner } = await runTask((ctx) => ctx.span("work", () => undefined));
    const span = named(spans, "work");
    expect(span.attributes).toMatchObject({
      "spanloom.task.id": taskId,
      "spanloom.task.name": "code",
      "spanloom.task.version": "1.0",
      "spanloom.task.attempt": 1n,
      "spanloom.job.name": "test job",
      "spanloom.queue": "default",
      "spanloom.runner.id": runner.id,
      "spanloom.span.type": "user",
    });
    expect(span.resource).toMatchObject({
      "service.name": "svc",
      "spanloom.runner.id": runner.id,
      "process.pid": BigInt(process.pid),
      "telemetry.sdk.language": "nodejs",
    });
    expect(span.traceState).toMatch(/,vendor=x$/);
    expect(originOf(span.traceState)).toMatchObject({ taskId, attempt: 1 });
  });

  it("keep attempts apart that run at the same time", async () => {
    const code = task({
      name: "code",
      run: async (n: number, ctx) => {
        await tick();
        await ctx.span(`work ${n}`, tick);
      },
    });
    const { server } = await start([code], { concurrency: 20 });
    const ids = Array.from({ length: 20 }, (_, n) => server.push("code", n));
    await Promise.all(ids.map((id) => server.resultOf(id)));
    const spans = spansIn(server.traces);
    ids.forEach((id, n) => {
      expect(named(spans, `work ${n}`)).toMatchObject({
        parentSpanId: attemptSpanId(id, 1),
        attributes: { "spanloom.task.id": id },
      });
    });
  });

  it("record what was thrown, and let it through", async () => {
    const { spans, result } = await runTask((ctx) =>
      ctx.span("fails", async () => {
        await tick();
        throw new RangeError("too far");
      }),
    );
    const span = named(spans, "fails");
    expect(span.statusCode).toBe(2);
    expect(span.attributes["error.type"]).toBe("RangeError");
    expect(span.events).toMatchObject([
      { name: "exception", attributes: { "exception.type": "RangeError", "exception.message": "too far" } },
    ]);
    expect(result.outcome).toMatchObject({ case: "failure", value: { failure: { type: "RangeError" } } });
  });

  it("keep the error.type that the code gave", async () => {
    const { spans } = await runTask((ctx) =>
      ctx.span("fails", (span) => {
        span.setAttribute("error.type", "503");
        throw new RangeError("too far");
      }),
    );
    expect(named(spans, "fails").attributes["error.type"]).toBe("503");
  });

  it("find their attempt when code builds contexts by hand", async () => {
    const { spans, taskId } = await runTask((ctx) => {
      const active = trace.getActiveSpan()!;
      ctx.tracer.startSpan("by object", {}, trace.setSpan(ROOT_CONTEXT, active)).end();
      const remote = { ...active.spanContext(), isRemote: true };
      ctx.tracer.startSpan("by tracestate", {}, trace.setSpanContext(ROOT_CONTEXT, remote)).end();
    });
    for (const name of ["by object", "by tracestate"])
      expect(named(spans, name).attributes).toMatchObject({ "spanloom.task.id": taskId });
  });

  it("arrive although they end after the attempt was reported", async () => {
    let late: Span | undefined;
    const { server, taskId } = await runTask((ctx) => {
      late = ctx.tracer.startSpan("late");
    });
    expect(spansIn(server.traces)).toEqual([]);
    late!.end();
    await server.until(() => server.traces.length > 0, "the late span arrived");
    expect(named(spansIn(server.traces), "late").attributes).toMatchObject({ "spanloom.task.id": taskId });
  });

  it("are not recorded when the job is not sampled, while the work and its logs go on", async () => {
    const { spans, logs, result, server } = await runTask(
      (ctx) =>
        ctx.span("unseen", (span) => {
          ctx.log.info("seen");
          trace.getActiveSpan()!.setAttribute("x", 1);
          return span.isRecording();
        }),
      { sampled: false },
    );
    expect(spans).toEqual([]);
    expect(logs).toMatchObject([{ body: "seen" }]);
    expect(new TextDecoder().decode((result.outcome.value as { output: Uint8Array }).output)).toBe("false");
    expect(result.attemptSpan).toBeUndefined();
    expect(server.traces).toEqual([]);
  });
});

describe("the attempt's own span", () => {
  it("has the minted id, and what code puts on it goes with the result", async () => {
    const { result, taskId, spans } = await runTask(() => {
      const span = trace.getActiveSpan()!;
      span.setAttribute("rows", 12).addEvent("half way", { n: 6 });
      return span.spanContext().spanId;
    });
    const spanId = JSON.parse(new TextDecoder().decode((result.outcome.value as { output: Uint8Array }).output));
    expect(spanId).toBe(attemptSpanId(taskId, 1));
    expect(plainMap(result.attemptSpan!.attributes)).toEqual({ rows: 12n });
    expect(result.attemptSpan!.events).toMatchObject([{ name: "half way" }]);
    expect(spans).toEqual([]);
  });

  it("is cut to what a result may hold, whatever code puts on it", async () => {
    const { result } = await runTask(() => {
      trace.getActiveSpan()!.setAttributes({ large: "x".repeat(300_000), small: "kept" });
    });
    expect(toBinary(SpanSchema, result.attemptSpan!).length).toBeLessThanOrEqual(defaultLimits.maxOutputBytes);
    const { large, small } = plainMap(result.attemptSpan!.attributes);
    expect([large, small]).toEqual([expect.stringMatching(/^x{16384}… \(cut, 300000 characters\)$/), "kept"]);
  });

  it("costs the result nothing when nobody touches it", async () => {
    const { result } = await runTask((ctx) => ctx.span("below", () => trace.getActiveSpan()));
    expect(result.attemptSpan).toBeUndefined();
  });
});

describe("context", () => {
  it("reaches other processes with origin and baggage", async () => {
    const carriers: Record<string, string>[] = [];
    const { taskId, spans } = await runTask(
      (ctx) =>
        ctx.span("calls", () => {
          const carrier: Record<string, string> = {};
          propagation.inject(context.active(), carrier);
          carriers.push(carrier, { ...activeCarrier() });
        }),
      { baggage: "user=42" },
    );
    for (const carrier of carriers) {
      expect(carrier.traceparent).toContain(named(spans, "calls").spanId);
      expect(originOf(carrier.tracestate!)).toMatchObject({ taskId, attempt: 1 });
      expect(carrier.baggage).toBe("user=42");
    }
  });
});

describe("logs", () => {
  it("carry severity, attributes, the attempt and the active span", async () => {
    const { logs, spans, taskId } = await runTask((ctx) => {
      ctx.log.warn("outside", { n: 1 });
      ctx.span("inside", () => ctx.log.error("within"));
      ctx.log.debug("odd", cyclic() as never);
    });
    expect(logs).toHaveLength(3);
    expect(logs[2]).toMatchObject({ body: "odd", attributes: { self: { self: "[circular]" } } });
    expect(logs[0]).toMatchObject({
      body: "outside",
      severity: "WARN",
      spanId: attemptSpanId(taskId, 1),
      attributes: { n: 1n, "spanloom.task.id": taskId },
    });
    expect(logs[1]).toMatchObject({ severity: "ERROR", spanId: named(spans, "inside").spanId });
  });
});

describe("log records", () => {
  it("have a severity, a body of any shape, and an event's name; an error becomes an exception's attributes", async () => {
    const { logs } = await runTask((ctx) => {
      ctx.log.trace("step", { n: 1 });
      ctx.log.fatal("over", new RangeError("far"));
      ctx.log.write({
        severity: "WARN",
        body: { rows: [1, 2] },
        attributes: { a: { b: 1n } },
        eventName: "import.done",
      });
      ctx.log.write({ body: 7 });
      ctx.log.write({ severity: "ODD" as never, attributes: "text" as never });
    });
    expect(logs.map(({ severity, severityNumber, body }) => [severity, severityNumber, body])).toEqual([
      ["TRACE", 1, "step"],
      ["FATAL", 21, "over"],
      ["WARN", 13, { rows: [1n, 2n] }],
      ["INFO", 9, 7n],
      ["ODD", 0, undefined],
    ]);
    expect(logs[1]!.attributes).toMatchObject({
      "exception.type": "RangeError",
      "exception.message": "far",
      "exception.stacktrace": expect.stringContaining("RangeError: far\n"),
    });
    expect(logs[2]).toMatchObject({ eventName: "import.done", attributes: { a: { b: 1n } } });
  });
});

function cyclic(): object {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
}

describe("a burst", () => {
  it("of 20,000 spans arrives whole, before the result", async () => {
    let arrived = 0;
    const burst = task({
      name: "burst",
      run: (_: undefined, ctx) => {
        for (let i = 0; i < 20_000; i++) ctx.tracer.startSpan("s", { attributes: { i, text: "x".repeat(60) } }).end();
      },
    });
    const { server } = await start([burst]);
    server.acknowledge = () => {
      arrived = spansIn(server.traces).length;
      return 1;
    };
    const result = await server.resultOf(server.push("burst"));
    const inSameRequest = spansIn(server.traces).length - arrived;
    expect(arrived + inSameRequest).toBe(20_000);
    expect(arrived).toBeGreaterThan(5_000);
    expect(result.droppedTelemetry).toBe(0n);
    expect(new Set(spansIn(server.traces).map((span) => span.attributes.i)).size).toBe(20_000);
  });

  it("over the limit loses the oldest, and says how many", async () => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const { result, spans, runner } = await runTask(
      (ctx) => {
        for (let i = 0; i < 5_000; i++) ctx.tracer.startSpan("s", { attributes: { i, text: "x".repeat(1_000) } }).end();
      },
      {},
      { maxTelemetryBytes: 1024 * 1024, log },
    );
    await runner.stop();
    expect(lines).toContain(`dropped ${result.droppedTelemetry} spans and log records: over maxTelemetryBytes`);
    expect(Number(result.droppedTelemetry) + spans.length).toBe(5_000);
    expect(Number(result.droppedTelemetry)).toBeGreaterThan(3_000);
    expect(spans.at(-1)!.attributes.i).toBe(4_999n);
  });

  it("is dropped rather than failing the work while the server is away", async () => {
    const server = new FakeServer();
    const spam = task({
      name: "spam",
      run: (_: undefined, ctx) => {
        for (let i = 0; i < 1_000; i++) ctx.tracer.startSpan("s", { attributes: { text: "x".repeat(1_000) } }).end();
      },
    });
    await start([spam], { maxTelemetryBytes: 1024 * 1024, concurrency: 5 }, server);
    server.outage = new SpanloomError("STORE_UNAVAILABLE", "away");
    server.outage = undefined;
    const ids = [1, 2, 3, 4, 5].map(() => server.push("spam"));
    const results = await Promise.all(ids.map((id) => server.resultOf(id)));
    expect(results.map((result) => result.outcome.case)).toEqual(Array(5).fill("success"));
  });

  it("of a long attempt can be seen before it ends", async () => {
    const server = new FakeServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    const long = task({
      name: "long",
      run: async (_: undefined, ctx) => {
        ctx.span("early", () => undefined);
        await promise;
        ctx.span("end", () => undefined);
      },
    });
    await start([long], {}, server);
    const taskId = server.push("long");
    await server.until(() => server.traces.length > 0, "the first span is seen");
    expect(spansIn(server.traces).map((span) => span.name)).toEqual(["early"]);
    expect(server.results).toEqual([]);
    resolve();
    await server.resultOf(taskId);
    expect(spansIn(server.traces).map((span) => span.name)).toEqual(["early", "end"]);
  });
});

describe("a span that is open for long", () => {
  it("is sent as it is, once, and again when it ends; results wait for it as little as exporters see it", async () => {
    const exported: PlainSpan[] = [];
    const exporter: Exporter = {
      name: "memory",
      export: async ({ traces }) => {
        if (traces) exported.push(...spansOf(traces));
        return { outcome: "exported" };
      },
      shutdown: async () => undefined,
    };
    const done = Promise.withResolvers<void>();
    const leaked: Span[] = [];
    const server = new FakeServer();
    const waits = task({
      name: "waits",
      run: async (_: undefined, ctx) => {
        leaked.push(ctx.tracer.startSpan("never ended"));
        await ctx.span("long", () => done.promise, { attributes: { early: 1 } });
      },
    });
    const { runner } = await start([waits], { exporters: [exporter] }, server);
    const taskId = server.push("waits");
    await server.until(() => spansIn(server.traces).length >= 2, "the open spans are seen");
    const names = () => spansIn(server.traces).map(({ name, open }) => [name, open]);
    expect(names()).toEqual([
      ["never ended", true],
      ["long", true],
    ]);
    expect(spansIn(server.traces)[1]!.attributes).toMatchObject({ early: 1n, "spanloom.task.id": taskId });
    done.resolve();
    const result = await server.resultOf(taskId);
    await runner.stop();
    expect(result.droppedTelemetry).toBe(0n);
    expect(names().slice(2)).toEqual([["long", false]]);
    expect(exported.map(({ name, open }) => [name, open])).toEqual([
      ["waits", false],
      ["long", false],
    ]);
  });

  it("is not kept from being forgotten when thousands of others are open, too", async () => {
    const server = new FakeServer();
    const done = Promise.withResolvers<void>();
    const leaky = task({
      name: "leaky",
      run: async (_: undefined, ctx) => {
        for (let i = 0; i < 15_000; i++) ctx.tracer.startSpan("never ended");
        await done.promise;
      },
    });
    await start([leaky], {}, server);
    const taskId = server.push("leaky");
    await server.until(() => spansIn(server.traces).length >= 10_000, "the open spans are seen");
    done.resolve();
    await server.resultOf(taskId);
    expect(spansIn(server.traces)).toHaveLength(10_000);
  });
});

describe("an application's own provider", () => {
  it("sends spans to Spanloom and to its own exporter, with the attempt's attributes on both", async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ "service.name": "app" }),
      spanProcessors: [spanloomSpanProcessor(), new SimpleSpanProcessor(exporter)],
    });
    const { spans, taskId } = await runTask(() => provider.getTracer("app").startSpan("mine").end());
    expect(named(spans, "mine")).toMatchObject({
      parentSpanId: attemptSpanId(taskId, 1),
      resource: { "service.name": "app" },
    });
    expect(Object.keys(named(spans, "mine").attributes).filter((key) => key === "spanloom.task.id")).toHaveLength(1);
    expect(exporter.getFinishedSpans()[0]!.attributes).toMatchObject({ "spanloom.task.id": taskId });
  });
});

describe("exporters", () => {
  it("receive the attempt's span, user spans and logs", async () => {
    const batches: TelemetryBatch[] = [];
    const exporter: Exporter = {
      name: "memory",
      export: async (batch) => {
        batches.push(batch);
        return { outcome: "exported" };
      },
      shutdown: async () => undefined,
    };
    const { runner, taskId } = await runTask(
      (ctx) => {
        ctx.log.info("hello");
        ctx.span("work", () => undefined);
        throw new Error("boom");
      },
      {},
      { exporters: [exporter] },
    );
    await runner.stop();
    const spans = batches.flatMap(({ traces }) => (traces ? spansOf(traces) : []));
    expect(named(spans, "work").parentSpanId).toBe(attemptSpanId(taskId, 1));
    expect(named(spans, "code")).toMatchObject({
      spanId: attemptSpanId(taskId, 1),
      parentSpanId: spanIdOf(taskId),
      statusCode: 2,
      attributes: { "spanloom.span.type": "attempt", "spanloom.outcome": "failure", "error.type": "Error" },
      events: [{ name: "exception", attributes: { "exception.message": "boom" } }],
    });
    expect(batches.flatMap(({ logs }) => logs?.resourceLogs ?? [])).toHaveLength(1);
  });

  it("that fail or hang delay nothing", async () => {
    const exporter: Exporter = {
      name: "stuck",
      export: () => new Promise(() => undefined),
      shutdown: async () => undefined,
    };
    const broken: Exporter = {
      name: "broken",
      export: () => {
        throw new Error("no");
      },
      shutdown: async () => undefined,
    };
    const { result } = await runTask((ctx) => ctx.span("work", () => "ok"), {}, { exporters: [exporter, broken] });
    expect(result.outcome.case).toBe("success");
  });
});
