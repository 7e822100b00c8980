import { context, DiagLogLevel, diag, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { task } from "@spanloom/sdk";
import { expect, it } from "vitest";
import { Runner } from "../runner.ts";
import { spansIn } from "../testing/decode-telemetry.ts";
import { FakeServer } from "../testing/fake-server.ts";
import { spanloomSpanProcessor } from "./span-processor.ts";

// Registrations are global: these tests have a file, and so a process, of their own.

it("an application's registrations stay, without a clash, and its spans reach Spanloom nested", async () => {
  const complaints: string[] = [];
  const note = (message: string) => void complaints.push(message);
  diag.setLogger({ error: note, warn: note, info: note, debug: note, verbose: note }, DiagLogLevel.WARN);
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(exporter), spanloomSpanProcessor()];
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());

  const server = new FakeServer();
  const traced = task({
    name: "traced",
    run: (_: undefined, ctx) =>
      ctx.span("of the context", () =>
        trace.getTracer("app").startActiveSpan("of the application", async (span) => {
          await new Promise(setImmediate);
          ctx.span("of the context again", () => undefined);
          span.end();
        }),
      ),
  });
  // The second runner finds what the first one left.
  const runners = [1, 2].map(() => new Runner({ transport: server.transport, tasks: [traced] }));
  for (const runner of runners) await runner.start();
  await server.resultOf(server.push("traced"));
  for (const runner of runners) await runner.stop();

  expect(complaints).toEqual([]);
  const spans = new Map(spansIn(server.traces).map((span) => [span.name, span]));
  const [outer, inner, again] = ["of the context", "of the application", "of the context again"].map((name) =>
    spans.get(name),
  );
  expect([again?.parentSpanId, inner?.parentSpanId]).toEqual([inner!.spanId, outer!.spanId]);
  const seen = exporter.getFinishedSpans();
  expect(seen.map(({ name }) => name)).toEqual(["of the context again", "of the application", "of the context"]);
  expect(seen[0]!.attributes).toMatchObject({ "spanloom.task.name": "traced" });
  expect(propagation.fields()).toEqual(["traceparent", "tracestate"]);
});
