import type { Exporter } from "@spanloom/exporter";
import { jaegerExporter } from "@spanloom/exporter-jaeger";
import { OtlpExporter } from "@spanloom/exporter-otlp";
import { buildBackends, type PlainSpan, startCollector, startJaeger } from "@spanloom/testing";
import { expect, test } from "vitest";
import { type DemoTrace, makeDemoTrace } from "./testing/demo-trace.ts";

const backends = buildBackends();
/** A busy backend takes its time to show what it has. */
const patience = { timeout: 30_000 };

/** Runs the demo on a server that has the exporter; when it has stopped all was given on. */
function runWith(exporter: Exporter): Promise<DemoTrace> {
  return makeDemoTrace({ exporters: [{ name: exporter.name, exporter }] });
}

/** Spans of one trace, by span id. */
function ofTrace(spans: Map<string, PlainSpan[]>, traceId: string): Map<string, PlainSpan[]> {
  return new Map([...spans].filter(([, [span]]) => span?.traceId === traceId));
}

test.skipIf(!backends).for(["http/protobuf", "grpc"] as const)(
  "an OpenTelemetry Collector gets the trace from the server over %s, every span once",
  async (protocol) => {
    await using backend = await startCollector(backends!.collector);
    const endpoint = protocol === "grpc" ? backend.grpcUrl : backend.httpUrl;
    await using trace = await runWith(new OtlpExporter({ endpoint, protocol }));
    await expect.poll(async () => ofTrace(await backend.spans(), trace.traceId), patience).toEqual(trace.spans);
  },
);

test.skipIf(!backends)("Jaeger gives back the trace that the server sent", async () => {
  await using backend = await startJaeger(backends!.jaeger);
  await using trace = await runWith(jaegerExporter({ endpoint: backend.httpUrl }));
  await expect.poll(() => backend.spans(trace.traceId), patience).toEqual(trace.spans);
});
