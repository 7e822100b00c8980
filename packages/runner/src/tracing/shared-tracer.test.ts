import { ROOT_CONTEXT, type Tracer, type TracerProvider, trace } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { task } from "@spanloom/sdk";
import { expect, it } from "vitest";
import { Runner } from "../runner.ts";
import { spansIn } from "../testing/decode-telemetry.ts";
import { FakeServer } from "../testing/fake-server.ts";
import { spanloomSpanProcessor } from "./span-processor.ts";

const exporter = new InMemorySpanExporter();
const exporting = new SimpleSpanProcessor(exporter);

/** Runs a task where the application has registered a provider; gives the names each side has seen. */
async function spansWith(provider: TracerProvider, use: (tracer: Tracer) => void) {
  exporter.reset();
  trace.disable();
  trace.setGlobalTracerProvider(provider);
  const server = new FakeServer();
  const traced = task({ name: "traced", run: (_: undefined, ctx) => use(ctx.tracer) });
  const runner = new Runner({ transport: server.transport, tasks: [traced] });
  await runner.start();
  await server.resultOf(server.push("traced"));
  await runner.stop();
  const names = ({ name }: { name: string }) => name;
  return { spanloom: spansIn(server.traces).map(names), application: exporter.getFinishedSpans().map(names) };
}

const two = (tracer: Tracer): void => {
  tracer.startActiveSpan("outer", (outer) => {
    tracer.startActiveSpan("inner", { attributes: { n: 1 } }, (inner) => inner.end());
    outer.end();
  });
};

it("makes spans that reach both, with an application's NodeTracerProvider that has the processor", async () => {
  const seen = await spansWith(new NodeTracerProvider({ spanProcessors: [exporting, spanloomSpanProcessor()] }), two);
  expect(seen).toEqual({ spanloom: ["inner", "outer"], application: ["inner", "outer"] });
});

it("makes spans that reach Spanloom without the processor, too, and only Spanloom (I1)", async () => {
  const seen = await spansWith(new NodeTracerProvider({ spanProcessors: [exporting] }), two);
  expect(seen).toEqual({ spanloom: ["inner", "outer"], application: [] });
});

it("makes spans that reach Spanloom although the application's sampler drops them (I1)", async () => {
  const provider = new BasicTracerProvider({
    sampler: new AlwaysOffSampler(),
    spanProcessors: [exporting, spanloomSpanProcessor()],
  });
  expect(await spansWith(provider, two)).toEqual({ spanloom: ["inner", "outer"], application: [] });
});

it("leaves spans that belong to no attempt to the application", async () => {
  const provider = new NodeTracerProvider({ spanProcessors: [exporting, spanloomSpanProcessor()] });
  const seen = await spansWith(provider, (tracer) => {
    tracer.startActiveSpan("elsewhere", { root: true }, ROOT_CONTEXT, (span) => span.end());
    two(tracer);
  });
  expect(seen).toEqual({ spanloom: ["inner", "outer"], application: ["elsewhere", "inner", "outer"] });
});
