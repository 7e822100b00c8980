import { buildBackends, sendOtlpLines, startCollector, startJaeger, waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DemoTrace, makeDemoTrace } from "./testing/demo-trace.ts";

const backends = buildBackends();

let trace: DemoTrace;

beforeAll(async () => {
  trace = await makeDemoTrace();
});
afterAll(() => trace[Symbol.asyncDispose]());

test("the demo's trace has every kind of span, links, events and a failed attempt", () => {
  const spans = [...trace.spans.values()].flat();
  expect(spans.length).toBeGreaterThan(300);
  expect(spans.some(({ links }) => links.length > 0)).toBe(true);
  expect(spans.some(({ events }) => events.some(({ name }) => name === "exception"))).toBe(true);
  expect(new Set(spans.map(({ kind }) => kind))).toEqual(new Set(["PRODUCER", "CONSUMER", "INTERNAL"]));
});

test.skipIf(!backends)("an OpenTelemetry Collector takes an exported trace, span by span", async () => {
  await using backend = await startCollector(backends!.collector);
  await sendOtlpLines(trace.file, backend.httpUrl);
  await waitFor(async () => (await backend.spans()).size >= trace.spans.size, { what: "the collector's file" });
  expect(await backend.spans()).toEqual(trace.spans);
});

test.skipIf(!backends)("Jaeger gives an exported trace back, span by span", async () => {
  await using backend = await startJaeger(backends!.jaeger);
  await sendOtlpLines(trace.file, backend.httpUrl);
  await waitFor(async () => (await backend.spans(trace.traceId)).size >= trace.spans.size, { what: "Jaeger's trace" });
  expect(await backend.spans(trace.traceId)).toEqual(trace.spans);
});
