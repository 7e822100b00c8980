import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TelemetryBatch } from "@spanloom/exporter";
import { bytesToHex } from "@spanloom/protocol";
import type { KeyValue, LogRecord, Resource, Span } from "@spanloom/protocol/otlp";
import { tempDir, waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { readConfigFile } from "../config-file.ts";
import { ChdbSpanStore } from "../telemetry/columnar/chdb/index.ts";
import { idBytes, logPayload, logRecord, span, tracePayload } from "../telemetry/ingest/otlp-fixture.ts";
import {
  attemptRecord,
  fixtureId,
  jobRecord,
  LifecycleFixture,
  startUs,
  taskRecord,
} from "../telemetry/lifecycle/lifecycle-fixture.ts";
import { createTelemetry } from "../telemetry/telemetry-plane.ts";
import { CursorFiles } from "./cursor-file.ts";
import { Forwarder } from "./forwarder.ts";
import { loadExporters } from "./load-exporters.ts";

/** Where the module of the test's exporter finds what it is to be fed by, and leaves what it got. */
const key = Symbol.for("shaped-output.test");
const received: Record<string, TelemetryBatch[]> = {};
(globalThis as Record<symbol, unknown>)[key] = received;

/** An exporter's package as anybody would write it: it knows nothing of options but their shape. */
const source = `
import { shapeOptionsOf, shapeTelemetry } from ${JSON.stringify(import.meta.resolve("@spanloom/exporter"))};
export const exporterFromEnv = (env, options = {}) => {
  const shape = shapeOptionsOf(env, options.shape);
  const batches = (globalThis[Symbol.for("shaped-output.test")][env.RECEIVER] = []);
  return {
    name: "recording",
    shape: shape && shapeTelemetry(shape),
    export: async (batch) => (batches.push(batch), { outcome: "exported" }),
    shutdown: async () => undefined,
  };
};
`;

const dir = tempDir();
const store = new LifecycleFixture();
const telemetry = createTelemetry({
  dataDir: dir.path,
  store,
  spanStore: new ChdbSpanStore({ dataDir: join(dir.path, "telemetry"), retentionDays: 10_000 }),
  clock: systemClock,
  log: () => undefined,
});
const [jobId, taskId, unsampledJobId] = [fixtureId(1), fixtureId(2), fixtureId(3)];
/** A job with a task of two attempts, an unsampled job, a user's span in a trace of its own, and two log records. */
const SPANS = 7;

beforeAll(async () => {
  writeFileSync(join(dir.path, "recording.mjs"), source);
  await telemetry.start();
  const attempts = [1, 2].map((number) => attemptRecord(number, { endedAtUs: startUs + number * 1_000 + 700 }));
  const unsampled = { ...jobRecord(unsampledJobId).trace, sampled: false };
  store.put(jobRecord(jobId), taskRecord(taskId, jobId, { attempts, attemptCount: 2 }));
  store.put(jobRecord(unsampledJobId, { name: "unsampled", trace: unsampled }));
  telemetry.lifecycleChanged(new Set([jobId, unsampledJobId]), new Set([taskId]));
  const attributes = [{ key: "http.url", value: { value: { case: "stringValue" as const, value: "/secret" } } }];
  const spans = [span(1, { attributes, flags: 0x101 }), span(2, { traceId: idBytes(16, 77), flags: 0x100 })];
  await telemetry.ingest([
    { signal: "traces", bytes: tracePayload(spans as never) },
    { signal: "logs", bytes: logPayload([logRecord(1, { attributes } as never), logRecord(2)]) },
  ]);
});
afterAll(async () => {
  await telemetry.stop();
  dir[Symbol.dispose]();
});

let runs = 0;

/** What an exporter gets that a configuration file describes. */
async function forwarded(entry: object, variables: Record<string, string> = {}, spans = SPANS) {
  const name = `run-${++runs}`;
  const env = { ...variables, RECEIVER: name };
  writeFileSync(
    join(dir.path, `${name}.json`),
    JSON.stringify({ exporters: [{ name, use: "./recording.mjs", ...entry }] }),
  );
  const file = await readConfigFile(`${name}.json`, { folder: dir.path, env, fields: {} });
  const [loaded] = await loadExporters(file.exporters ?? [], { env, folder: dir.path });
  const forwarder = new Forwarder({
    name,
    exporter: loaded!.exporter,
    from: "beginning",
    arrivals: telemetry.arrivals,
    cursors: new CursorFiles(join(dir.path, "forward")),
    clock: systemClock,
    random: () => 0.5,
    log: () => undefined,
  });
  forwarder.start();
  const got = () => unpack(received[name] ?? []);
  await waitFor(() => got().spans.length >= spans && got().logs.length >= 2);
  await forwarder.stop();
  return got();
}

function unpack(batches: readonly TelemetryBatch[]) {
  const resources: Resource[] = [];
  const spans: Span[] = [];
  const logs: LogRecord[] = [];
  for (const { traces, logs: sent } of batches) {
    for (const { resource, scopeSpans } of traces?.resourceSpans ?? []) {
      if (resource) resources.push(resource);
      for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    for (const { scopeLogs } of sent?.resourceLogs ?? []) for (const scope of scopeLogs) logs.push(...scope.logRecords);
  }
  return { resources, spans, logs };
}

const texts = (attributes: readonly KeyValue[]) =>
  Object.fromEntries(attributes.map(({ key: name, value }) => [name, value?.value.value]));
const names = (spans: readonly Span[]) => spans.map(({ name }) => name).sort();
const all = ["job audit", "job unsampled", "span 1", "span 2", "task walk", "walk", "walk"];

describe("what the server forwards", () => {
  it("is everything as it was recorded, when nothing else is said", async () => {
    const { spans, logs } = await forwarded({});
    expect(names(spans)).toEqual(all);
    expect(texts(spans.find(({ name }) => name === "span 1")!.attributes)).toMatchObject({ "http.url": "/secret" });
    expect(logs).toHaveLength(2);
  });

  it("lacks the spans of tasks with lifecycle attempts, whose attempts hang below the job", async () => {
    const { spans } = await forwarded({ shape: { lifecycle: "attempts" } }, {}, SPANS - 1);
    expect(names(spans)).toEqual(all.filter((name) => name !== "task walk"));
    const job = spans.find(({ name }) => name === "job audit")!;
    const parents = spans.filter(({ name }) => name === "walk").map(({ parentSpanId }) => bytesToHex(parentSpanId));
    expect(parents).toEqual([bytesToHex(job.spanId), bytesToHex(job.spanId)]);
  });

  it("has the workflow names beside its own", async () => {
    const { spans } = await forwarded({ shape: { aliases: "workflow" } });
    const attempt = spans.find(({ name }) => name === "walk")!;
    expect(texts(attempt.attributes)).toMatchObject({
      "spanloom.job.id": jobId,
      "workflow.id": jobId,
      "workflow.name": "audit",
      "workflow.task.name": "walk",
    });
  });

  it("has the attributes alone that are included, without those that are excluded", async () => {
    const shape = { includeAttributes: ["spanloom.*", "http.*"], excludeAttributes: ["http.url", "spanloom.job.*"] };
    const { spans, logs } = await forwarded({ shape });
    expect(texts(spans.find(({ name }) => name === "span 1")!.attributes)).not.toHaveProperty("http.url");
    const keys = Object.keys(texts(spans.find(({ name }) => name === "task walk")!.attributes));
    expect(keys).toContain("spanloom.task.name");
    expect(keys.filter((name) => !name.startsWith("spanloom.") || name.startsWith("spanloom.job."))).toEqual([]);
    expect(logs.flatMap(({ attributes }) => Object.keys(texts(attributes)))).not.toContain("http.url");
  });

  it("has static tags on every span and log record, and resource attributes on every resource", async () => {
    const shape = { tags: { team: "core" }, resourceAttributes: { "deployment.environment.name": "prod" } };
    const { spans, logs, resources } = await forwarded({ shape });
    for (const { attributes } of [...spans, ...logs]) expect(texts(attributes)).toMatchObject({ team: "core" });
    for (const { attributes } of resources)
      expect(texts(attributes)).toMatchObject({ "deployment.environment.name": "prod" });
  });

  it("has the traces alone that whoever began them sampled, with sampling by parent", async () => {
    const { spans } = await forwarded({ shape: { sampling: "parent" } }, {}, SPANS - 2);
    expect(names(spans)).toEqual(all.filter((name) => name !== "job unsampled" && name !== "span 2"));
  });

  it("has no trace with a ratio of 0, and all of them with 1", async () => {
    expect((await forwarded({ shape: { sampling: 0 } }, {}, 0)).spans).toEqual([]);
    expect(names((await forwarded({ shape: { sampling: 1 } })).spans)).toEqual(all);
  });

  it("is shaped by variables as well, which the file beats", async () => {
    const variables = { SPANLOOM_EXPORTER_TAGS: "team=env", SPANLOOM_EXPORTER_LIFECYCLE: "attempts" };
    const byVariables = await forwarded({}, variables, SPANS - 1);
    expect(names(byVariables.spans)).not.toContain("task walk");
    expect(texts(byVariables.spans[0]!.attributes)).toMatchObject({ team: "env" });
    const byFile = await forwarded({ shape: { tags: { team: "file" } } }, variables, SPANS - 1);
    expect(names(byFile.spans)).not.toContain("task walk");
    expect(texts(byFile.spans[0]!.attributes)).toMatchObject({ team: "file" });
  });
});
