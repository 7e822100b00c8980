import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Exporter, ExportQueue } from "@spanloom/exporter";
import { fileExporter } from "@spanloom/exporter-file";
import { jaegerExporter } from "@spanloom/exporter-jaeger";
import { OtlpExporter } from "@spanloom/exporter-otlp";
import {
  buildBackends,
  readTraces,
  sendOtlpLines,
  startCollector,
  startJaeger,
  tempDir,
  waitFor,
} from "@spanloom/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DemoTrace, makeDemoTrace } from "./testing/demo-trace.ts";

const backends = buildBackends();

let trace: DemoTrace;

beforeAll(async () => {
  trace = await makeDemoTrace();
});
afterAll(() => trace[Symbol.asyncDispose]());

/** Sends the demo's trace through an exporter and its queue, in several batches; gives what the queue counted. */
async function send(exporter: Exporter): Promise<{ exported: number; failed: number; rejected: number }> {
  const queue = new ExportQueue(exporter, { maxBatchRecords: 100 });
  for (const line of (await readFile(trace.file, "utf8")).trim().split("\n"))
    queue.enqueue({ traces: readTraces(Buffer.from(line), "json") });
  expect(await queue.flush(60_000)).toBe(true);
  await queue.shutdown(1_000);
  const { exported, failed, rejected } = queue.stats();
  return { exported, failed, rejected };
}

const whole = () => ({ exported: trace.spans.size, failed: 0, rejected: 0 });

test.skipIf(!backends).for([
  ["http/protobuf", "none"],
  ["http/protobuf", "gzip"],
  ["http/json", "none"],
  ["http/json", "gzip"],
  ["grpc", "none"],
  ["grpc", "gzip"],
] as const)(
  "an OpenTelemetry Collector takes a trace over %s with compression %s, span by span",
  async ([protocol, compression]) => {
    await using backend = await startCollector(backends!.collector);
    const endpoint = protocol === "grpc" ? backend.grpcUrl : backend.httpUrl;
    expect(await send(new OtlpExporter({ endpoint, protocol, compression }))).toEqual(whole());
    await waitFor(async () => (await backend.spans()).size >= trace.spans.size, { what: "the collector's file" });
    expect(await backend.spans()).toEqual(trace.spans);
  },
);

test.skipIf(!backends)("an OpenTelemetry Collector reads the files of the file exporter, span by span", async () => {
  await using backend = await startCollector(backends!.collector);
  using folder = tempDir();
  expect(await send(fileExporter({ directory: folder.path, maxFileBytes: 200_000 }))).toEqual(whole());
  const files = await readdir(folder.path);
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) await sendOtlpLines(join(folder.path, file), backend.httpUrl);
  await waitFor(async () => (await backend.spans()).size >= trace.spans.size, { what: "the collector's file" });
  expect(await backend.spans()).toEqual(trace.spans);
});

test.skipIf(!backends)("Jaeger gives a trace back that its exporter sent, span by span", async () => {
  await using backend = await startJaeger(backends!.jaeger);
  expect(await send(jaegerExporter({ endpoint: backend.httpUrl }))).toEqual(whole());
  const spans = () => backend.spans(trace.traceId);
  await waitFor(async () => (await spans()).size >= trace.spans.size, { what: "Jaeger's trace" });
  expect(await spans()).toEqual(trace.spans);
});

test.skipIf(!backends)("Jaeger shows a connected tree without the spans of tasks", async () => {
  await using backend = await startJaeger(backends!.jaeger);
  const all = [...trace.spans.values()].flat();
  const tasks = all.filter(({ attributes }) => attributes["spanloom.span.type"]?.includes("task"));
  const exporter = jaegerExporter({ endpoint: backend.httpUrl, shape: { lifecycle: "attempts" } });
  expect(await send(exporter)).toEqual({ ...whole(), exported: all.length - tasks.length });
  await waitFor(async () => (await backend.spans(trace.traceId)).size >= all.length - tasks.length, {
    what: "Jaeger's trace",
  });
  const shown = await backend.spans(trace.traceId);
  const roots = [...shown.values()].flat().filter(({ parentSpanId }) => !shown.has(parentSpanId));
  expect(roots.map(({ name }) => name)).toEqual([expect.stringMatching(/^job /)]);
});
