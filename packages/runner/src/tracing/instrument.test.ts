import { ProxyTracerProvider, type TracerProvider, trace } from "@opentelemetry/api";
import * as current from "@opentelemetry/sdk-trace-node";
import { attemptSpanId } from "@spanloom/protocol";
import { task } from "@spanloom/sdk";
import * as earlier from "sdk-trace-node-1";
import { afterEach, describe, expect, it } from "vitest";
import { Runner } from "../runner.ts";
import { spansIn } from "../testing/decode-telemetry.ts";
import { FakeServer } from "../testing/fake-server.ts";
import { instrument } from "./instrument.ts";
import { spanloomIdGenerator } from "./minted-span.ts";
import { spanloomSpanProcessor } from "./span-processor.ts";

// Registrations are global: these tests have a file, and so a process, of their own.

const undos: (() => void)[] = [];
afterEach(() => {
  for (const undo of undos.splice(0)) undo();
  trace.disable();
});

const exporter = new current.InMemorySpanExporter();
const exporting = () => new current.SimpleSpanProcessor(exporter);

const traced = task({
  name: "traced",
  run: (fails: boolean, ctx) => {
    trace.getActiveSpan()?.setAttribute("mine", true).addEvent("happened", { n: 1 });
    ctx.span("step", () => undefined);
    if (fails) throw new RangeError("far");
  },
});

/** Runs a task; gives its id, and what Spanloom and the application have seen of it. */
async function runTask(input = false) {
  exporter.reset();
  const server = new FakeServer();
  const lines: string[] = [];
  const runner = new Runner({ transport: server.transport, tasks: [traced], log: (line) => void lines.push(line) });
  await runner.start();
  const taskId = server.push("traced", input);
  await server.resultOf(taskId);
  await runner.stop();
  return { taskId, spanloom: spansIn(server.traces).map(({ name }) => name), seen: exporter.getFinishedSpans(), lines };
}

async function seenNames() {
  const { spanloom, seen } = await runTask();
  return { spanloom, application: seen.map(({ name }) => name) };
}

const both = { spanloom: ["step"], application: ["step"] };
const onlySpanloom = { spanloom: ["step"], application: [] };

describe("instrument()", () => {
  it("joins a provider of the SDK 2.x that has the processor, registered or not, until it is undone", async () => {
    const provider = new current.NodeTracerProvider({ spanProcessors: [spanloomSpanProcessor(), exporting()] });
    const undo = instrument({ tracerProvider: provider });
    expect(await seenNames()).toEqual(both);
    undo();
    undo();
    expect(await seenNames()).toEqual(onlySpanloom);
  });

  it("gives a provider of the SDK 1.x the processor, once for all who ask, and takes note of nothing when undone", async () => {
    const provider = new earlier.NodeTracerProvider({ spanProcessors: [exporting() as never] });
    const [first, second] = [instrument({ tracerProvider: provider }), instrument({ tracerProvider: provider })];
    expect(await seenNames()).toEqual(both);
    first();
    expect(await seenNames()).toEqual(both);
    second();
    provider.register();
    expect(await seenNames()).toEqual(onlySpanloom);
    undos.push(instrument());
    expect(await seenNames()).toEqual(both);
  });

  it("adds nothing to a provider of the SDK 1.x that has the processor", async () => {
    const spanProcessors = [exporting() as never, spanloomSpanProcessor() as never];
    undos.push(instrument({ tracerProvider: new earlier.NodeTracerProvider({ spanProcessors }) }));
    expect(await seenNames()).toEqual(both);
  });

  it("takes the registered provider, and the one behind a proxy", async () => {
    const provider = new current.NodeTracerProvider({ spanProcessors: [spanloomSpanProcessor(), exporting()] });
    const proxy = new ProxyTracerProvider();
    proxy.setDelegate(provider);
    undos.push(instrument({ tracerProvider: proxy }));
    expect(await seenNames()).toEqual(both);
    undos.pop()!();
    trace.setGlobalTracerProvider(provider);
    undos.push(instrument());
    expect(await seenNames()).toEqual(both);
  });

  it("gives the attempt's span with the server's id to a provider that asks, with what became of it", async () => {
    const spanProcessors = [spanloomSpanProcessor(), exporting()];
    const provider = new current.NodeTracerProvider({ spanProcessors, idGenerator: spanloomIdGenerator() });
    undos.push(instrument({ tracerProvider: provider, attemptSpans: true }));
    const { taskId, seen, spanloom } = await runTask(true);
    expect(spanloom).toEqual(["step"]);
    const [step, attempt] = seen;
    expect(seen.map(({ name }) => name)).toEqual(["step", "traced"]);
    expect(attempt!.spanContext().spanId).toBe(attemptSpanId(taskId, 1));
    expect(step!.parentSpanContext?.spanId).toBe(attempt!.spanContext().spanId);
    expect(attempt).toMatchObject({
      kind: 4,
      status: { code: 2, message: "far" },
      attributes: {
        mine: true,
        "spanloom.task.name": "traced",
        "spanloom.outcome": "failure",
        "error.type": "RangeError",
      },
    });
    expect(attempt!.events.map(({ name }) => name)).toEqual(["happened", "exception"]);
    expect(attempt!.parentSpanContext).toBeDefined();
    // The trace of the job, and ids of its own otherwise.
    expect(step!.spanContext().traceId).toBe(attempt!.spanContext().traceId);
  });

  it("does no harm to attempts whose span the provider cannot take, and says so once", async () => {
    let fails = false;
    const shouldSample = () => {
      if (fails) throw new Error("the sampler broke");
      return { decision: 2 };
    };
    const provider = new current.NodeTracerProvider({
      sampler: { shouldSample, toString: () => "broken" },
      spanProcessors: [spanloomSpanProcessor()],
      idGenerator: spanloomIdGenerator(),
    });
    undos.push(instrument({ tracerProvider: provider, attemptSpans: true }));
    const server = new FakeServer();
    const lines: string[] = [];
    const plain = task({ name: "plain", run: () => "done" });
    const runner = new Runner({ transport: server.transport, tasks: [plain], log: (line) => void lines.push(line) });
    await runner.start();
    fails = true;
    for (const taskId of [server.push("plain"), server.push("plain")])
      expect((await server.resultOf(taskId)).outcome.case).toBe("success");
    await runner.stop();
    expect(lines.filter((line) => line.includes("the sampler broke"))).toHaveLength(1);
  });

  it("refuses a provider it can do nothing with, and says what it needs", () => {
    const refusal = (tracerProvider?: TracerProvider, attemptSpans = false) => {
      try {
        undos.push(instrument({ tracerProvider, attemptSpans }));
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const refused = (text: string) =>
      expect.objectContaining({ reason: "INVALID_STATE", message: expect.stringContaining(text) });
    expect(refusal()).toEqual(refused("there is none"));
    // A runner's own that stands in, or nothing yet.
    expect(refusal(trace.getTracerProvider())).toEqual(refused("there is none"));
    expect(refusal(new ProxyTracerProvider())).toEqual(refused("there is none"));
    expect(refusal(new current.NodeTracerProvider())).toEqual(refused("spanloomSpanProcessor()"));
    expect(refusal({ getTracer: trace.getTracer })).toEqual(refused("spanloomSpanProcessor()"));
    const withProcessor = new current.NodeTracerProvider({ spanProcessors: [spanloomSpanProcessor()] });
    expect(refusal(withProcessor, true)).toEqual(refused("spanloomIdGenerator()"));
    expect(refusal(new earlier.NodeTracerProvider(), true)).toEqual(refused("spanloomIdGenerator()"));
  });

  it("leaves a provider of the SDK 1.x alone whose exporter it would end", async () => {
    class WithDefaultExporter extends earlier.NodeTracerProvider {
      static override readonly _registeredExporters = new Map([["mine", () => exporter as never]]);
    }
    process.env.OTEL_TRACES_EXPORTER = "mine";
    const provider = new WithDefaultExporter();
    delete process.env.OTEL_TRACES_EXPORTER;
    expect(() => instrument({ tracerProvider: provider })).toThrow("OTEL_TRACES_EXPORTER");
    await provider.shutdown();
  });
});
