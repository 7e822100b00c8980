import { trace } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { configureOtlp } from "@spanloom/exporter-otlp";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { OtlpPeer, tempDir, waitFor } from "@spanloom/testing";
import { afterEach, expect, it } from "vitest";
import { Runner } from "./runner.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  trace.disable();
});

const work = task({
  name: "work",
  run: async (n: number, ctx) => {
    ctx.log.info(`worked ${n}`);
    return ctx.span(`step ${n}`, () => n * 2);
  },
});

it("one line each sends what runners trace to several backends, of which one is away, beside the application's own provider", async () => {
  await using peer = await new OtlpPeer().start();
  await using away = await new OtlpPeer().start();
  away.hanging = true;
  const own = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(own)] });
  trace.setGlobalTracerProvider(provider);
  const before = trace.getTracerProvider();

  ends.push(configureOtlp({ endpoint: away.url, timeoutMs: 100 }), configureOtlp({ endpoint: peer.url }));
  // The same again is the same: nothing arrives twice.
  ends.push(configureOtlp({ endpoint: peer.url }));

  using folder = tempDir();
  const server = await startServer({ dataDir: folder.path, port: 0 });
  const client = new Client({ url: server.url });
  const runner = new Runner({ url: server.url, tasks: [work], graceMs: 1_000 });
  await runner.start();
  const jobs = await Promise.all([1, 2, 3].map((n) => client.jobs.submit(work, n)));
  expect(await Promise.all(jobs.map((job) => job.result()))).toEqual([2, 4, 6]);
  await waitFor(() => peer.spanNames.length === 12 && peer.logBodies.length === 3 && away.requests.length > 0, {
    what: "what the runner traced",
  });
  await runner.stop();
  client.close();
  await server.stop();

  const lifecycle = ["job work", "task work", "work"].flatMap((name) => [name, name, name]);
  expect(peer.spanNames.sort()).toEqual([...lifecycle, "step 1", "step 2", "step 3"].sort());
  expect(peer.logBodies.sort()).toEqual(["worked 1", "worked 2", "worked 3"]);
  expect(peer.violations).toEqual([]);
  expect(trace.getTracerProvider()).toBe(before);
  trace.getTracer("application").startSpan("mine").end();
  expect(own.getFinishedSpans().map(({ name }) => name)).toContain("mine");
  expect(peer.spanNames).not.toContain("mine");
});
