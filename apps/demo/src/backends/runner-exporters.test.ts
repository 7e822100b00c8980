import { join } from "node:path";
import { buildBackends, type PlainSpan, startCollector, startJaeger } from "@spanloom/testing";
import { expect, test } from "vitest";
import { type DemoTrace, makeDemoTrace } from "./testing/demo-trace.ts";

const backends = buildBackends();
/** A busy backend takes its time to show what it has. */
const patience = { timeout: 30_000 };

/** Runs the demo with two runners that export; when they have stopped all was given on. */
function runWith(endpoint: string, protocol: string): Promise<DemoTrace> {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
  return makeDemoTrace({ runner: { tasks: join(import.meta.dirname, "testing", "exporting-program.ts"), env } });
}

/** Spans of one trace, by span id. */
function ofTrace(spans: Map<string, PlainSpan[]>, traceId: string): Map<string, PlainSpan[]> {
  return new Map([...spans].filter(([, [span]]) => span?.traceId === traceId));
}

test.skipIf(!backends).for(["http/protobuf", "grpc"] as const)(
  "an OpenTelemetry Collector gets the trace from the runners over %s, every span once",
  async (protocol) => {
    await using backend = await startCollector(backends!.collector);
    await using trace = await runWith(protocol === "grpc" ? backend.grpcUrl : backend.httpUrl, protocol);
    await expect.poll(async () => ofTrace(await backend.spans(), trace.traceId), patience).toEqual(trace.spans);
  },
);

test.skipIf(!backends)("Jaeger gives back the trace that the runners sent", async () => {
  await using backend = await startJaeger(backends!.jaeger);
  await using trace = await runWith(backend.httpUrl, "http/protobuf");
  await expect.poll(() => backend.spans(trace.traceId), patience).toEqual(trace.spans);
});
