import { propagation, trace } from "@opentelemetry/api";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { task } from "@spanloom/sdk";
import { expect, it } from "vitest";
import { Runner } from "../runner.ts";
import { spansIn } from "../testing/decode-telemetry.ts";
import { FakeServer } from "../testing/fake-server.ts";

// Registrations are global: this test has a file, and so a process, of its own.

it("a runner told to register nothing leaves the globals to the application, and its own spans nest all the same", async () => {
  const server = new FakeServer();
  const traced = task({
    name: "traced",
    run: (_: undefined, ctx) =>
      ctx.span("outer", async () => {
        await new Promise(setImmediate);
        ctx.span("inner", () => undefined);
        return trace.getTracer("library").startSpan("of a library").isRecording();
      }),
  });
  const runner = new Runner({ transport: server.transport, tasks: [traced], registerGlobalTracing: false });
  await runner.start();
  const result = await server.resultOf(server.push("traced"));
  await runner.stop();

  expect(result.outcome).toMatchObject({ case: "success", value: { output: new TextEncoder().encode("false") } });
  expect(propagation.fields()).toEqual([]);
  const [inner, outer] = spansIn(server.traces);
  expect([inner, outer].map((span) => span?.name)).toEqual(["inner", "outer"]);
  expect(inner!.parentSpanId).toBe(outer!.spanId);
  const provider = new NodeTracerProvider();
  expect(trace.setGlobalTracerProvider(provider)).toBe(true);
});
