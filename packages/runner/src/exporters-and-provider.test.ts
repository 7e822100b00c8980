import { context, propagation, trace } from "@opentelemetry/api";
import * as current from "@opentelemetry/sdk-trace-node";
import { configureAxiom } from "@spanloom/exporter-axiom";
import { configureOtlp, otlpExporter } from "@spanloom/exporter-otlp";
import { bytesToHex } from "@spanloom/protocol";
import { QueryClient } from "@spanloom/query";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { OtlpPeer, tempDir } from "@spanloom/testing";
import * as earlier from "sdk-trace-node-1";
import { afterEach, expect, it } from "vitest";
import { Runner } from "./runner.ts";
import { spanloomSpanProcessor } from "./tracing/span-processor.ts";

// Registrations are global: these tests have a file, and so a process, of their own.

const ends: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  trace.disable();
  context.disable();
  propagation.disable();
});

const work = task({
  name: "work",
  run: async (n: number, ctx) => {
    ctx.log.info(`worked ${n}`);
    await ctx.span("step", async () => trace.getTracer("library").startSpan("call").end());
    return n;
  },
});

/** Every span that a peer was sent, as id and name, as often as it came. */
function spansOf(peer: OtlpPeer): string[] {
  const spans = peer.traces.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
  return spans.map(({ spanId, name }) => `${bytesToHex(spanId)} ${name}`).sort();
}

it.each(["1.x", "2.x"])(
  "two backends in one line each, one of the runner's, and an application's provider of the SDK %s with two exporters do not disturb each other",
  async (version) => {
    await using axiom = await new OtlpPeer().start();
    await using collector = await new OtlpPeer().start();
    await using own = await new OtlpPeer().start();
    ends.push(configureAxiom({ dataset: "jobs", logsDataset: "logs", apiKey: "key", endpoint: axiom.url }));
    ends.push(configureOtlp({ endpoint: collector.url }));
    const sdk = (version === "1.x" ? earlier : current) as typeof current;
    const [first, second] = [new sdk.InMemorySpanExporter(), new sdk.InMemorySpanExporter()];
    const provider = new sdk.NodeTracerProvider({
      spanProcessors: [new sdk.BatchSpanProcessor(first), spanloomSpanProcessor(), new sdk.SimpleSpanProcessor(second)],
    });
    provider.register();

    using folder = tempDir();
    const server = await startServer({ dataDir: folder.path, port: 0 });
    const client = new Client({ url: server.url });
    const exporters = [otlpExporter({ endpoint: own.url, protocol: "http/json" })];
    const runner = new Runner({ url: server.url, tasks: [work], exporters });
    await runner.start();
    const results = await trace.getTracer("application").startActiveSpan("request", async (span) => {
      const jobs = await client.jobs.submitMany(work, [1, 2, 3]);
      const outputs = await Promise.all(jobs.map((job) => job.result()));
      span.end();
      return outputs;
    });
    await runner.stop();
    await provider.forceFlush();
    const table = await new QueryClient({ url: server.url }).spans().toArrow();
    client.close();
    await server.stop();

    expect(results).toEqual([1, 2, 3]);
    const stored = table
      .toArray()
      .map(({ span_id, name }) => `${span_id} ${name}`)
      .sort();
    const names = ["job work", "task work", "work", "step", "call"];
    expect(stored.map((span) => span.slice(17)).sort()).toEqual(names.flatMap((name) => [name, name, name]).sort());
    for (const peer of [axiom, collector, own]) {
      expect(spansOf(peer)).toEqual(stored);
      expect(peer.logBodies.sort()).toEqual(["worked 1", "worked 2", "worked 3"]);
      expect(peer.violations).toEqual([]);
    }
    const isTheirs = ({ path }: { path: string }) => path.endsWith("/v1/traces");
    expect(axiom.requests.filter(isTheirs).every(({ headers }) => headers["x-axiom-dataset"] === "jobs")).toBe(true);
    // The application's own: all that it has traced, the spans in tasks by the ids they are stored with, each once.
    const made = stored.filter((span) => /^\w+ (step|call)$/.test(span));
    for (const exporter of [first, second]) {
      const seen = exporter.getFinishedSpans().map((span) => `${span.spanContext().spanId} ${span.name}`);
      expect(seen.filter((span) => made.includes(span)).sort()).toEqual(made);
      const others = seen.filter((span) => !made.includes(span)).map((span) => span.slice(17));
      expect(others.sort()).toEqual(["request", "submit default"]);
    }
  },
);
