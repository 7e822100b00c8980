import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { attemptSpanId } from "@spanloom/protocol";
import { task } from "@spanloom/sdk";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "sdk-trace-base-1";
import { expect, it } from "vitest";
import { Runner } from "../runner.ts";
import { spansIn } from "../testing/decode-telemetry.ts";
import { FakeServer } from "../testing/fake-server.ts";
import { spanloomSpanProcessor } from "./span-processor.ts";

// Registrations are global: this test has a file, and so a process, of its own.

it("spans of an application's provider of the OpenTelemetry SDK 1.x reach Spanloom, with scope and parent", async () => {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(exporter), spanloomSpanProcessor()];
  const provider = new BasicTracerProvider({ spanProcessors });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);

  const server = new FakeServer();
  const traced = task({
    name: "traced",
    run: (_: undefined, ctx) =>
      ctx.span("outer", () => {
        trace.getTracer("library", "1.2.3").startSpan("inner").end();
        return "done";
      }),
  });
  const runner = new Runner({ transport: server.transport, tasks: [traced] });
  await runner.start();
  const taskId = server.push("traced");
  const { outcome } = await server.resultOf(taskId);
  await runner.stop();

  expect(outcome.case).toBe("success");
  const [outer, inner] = ["outer", "inner"].map((name) => spansIn(server.traces).find((span) => span.name === name)!);
  expect(outer!.parentSpanId).toBe(attemptSpanId(taskId, 1));
  expect(inner).toMatchObject({ parentSpanId: outer!.spanId, scope: "library" });
  expect(inner!.attributes["spanloom.task.name"]).toBe("traced");
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(["inner", "outer"]);
});
