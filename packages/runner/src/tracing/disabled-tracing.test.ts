import { propagation, trace } from "@opentelemetry/api";
import { exported } from "@spanloom/exporter";
import { createTraceparent, task } from "@spanloom/sdk";
import { afterEach, expect, it, vi } from "vitest";
import { Runner } from "../runner.ts";
import { FakeServer } from "../testing/fake-server.ts";

// Registrations are global: these tests have a file, and so a process, of their own.

afterEach(() => void vi.unstubAllEnvs());

it.each(["the option", "OTEL_SDK_DISABLED"])(
  "a runner switched off by %s records nothing, and passes trace context on",
  async (by) => {
    if (by !== "the option") vi.stubEnv("OTEL_SDK_DISABLED", "TRUE");
    const printed = vi.spyOn(console, "log").mockImplementation(() => undefined);
    let batches = 0;
    let shutdowns = 0;
    const exporter = {
      name: "counting",
      export: async () => {
        batches++;
        return exported;
      },
      shutdown: async () => void shutdowns++,
    };
    const server = new FakeServer();
    const contexts: (string | undefined)[] = [];
    const traced = task({
      name: "traced",
      run: async (_: undefined, ctx) => {
        contexts.push(createTraceparent());
        trace.getActiveSpan()!.setAttribute("mine", true).addEvent("event");
        ctx.log.info("logged");
        console.log("printed");
        const inner = await ctx.span("step", async (span) => {
          await new Promise(setImmediate);
          contexts.push(createTraceparent());
          return ctx.tracer.startActiveSpan("inner", (child) => child.isRecording() || span.isRecording());
        });
        return inner;
      },
    });
    const options = { transport: server.transport, tasks: [traced], captureConsole: true, exporters: [exporter] };
    const runner = new Runner({ ...options, ...(by === "the option" && { tracing: false }) });
    await runner.start();
    const taskId = server.push("traced");
    const result = await server.resultOf(taskId);
    await runner.stop();

    expect(result.outcome).toMatchObject({ case: "success", value: { output: new TextEncoder().encode("false") } });
    expect([result.attemptSpan, result.droppedTelemetry]).toEqual([undefined, 0n]);
    expect([server.traces.length, server.logs.length, batches, shutdowns]).toEqual([0, 0, 0, 1]);
    expect(contexts[0]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(contexts[1]).toBe(contexts[0]);
    expect(printed.mock.calls).toEqual([["printed"]]);
    expect(trace.getTracer("library").startSpan("span").isRecording()).toBe(false);
    expect(propagation.fields()).toEqual([]);
    printed.mockRestore();
  },
);

it("an error nobody caught still fails the attempt it came from", async () => {
  const server = new FakeServer();
  const failing = task({
    name: "failing",
    run: async () => {
      setTimeout(() => runner.claimError(new Error("stray")));
      await new Promise(() => undefined);
    },
  });
  const runner: Runner = new Runner({ transport: server.transport, tasks: [failing], tracing: false });
  await runner.start();
  const result = await server.resultOf(server.push("failing"));
  await runner.stop();
  expect(result.outcome).toMatchObject({ case: "failure", value: { failure: { message: "stray" } } });
});
