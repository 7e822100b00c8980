import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  buildBackends,
  type PlainSpan,
  plainSpans,
  sendOtlpLines,
  startCollector,
  startJaeger,
  waitFor,
} from "@spanloom/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditRun } from "../audit-run.ts";
import { generatedTree, writeTree } from "../fixture/package-tree.ts";

const backends = buildBackends();

let folder: string;
let file: string;
/** The trace as Spanloom stored it, by span id. */
let stored: Map<string, PlainSpan[]>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-exported-"));
  file = join(folder, "trace.otlp.jsonl");
  await writeTree(join(folder, "node_modules"), generatedTree(60, 400));
  await using run = new AuditRun({
    dir: join(folder, "node_modules"),
    reportPath: join(folder, "report.json"),
    runners: 2,
    leaseMs: 60_000,
    concurrency: 4,
  });
  await run.start();
  const { id } = await run.submit();
  await run.follow(id, () => {});
  await run.query.spans({ job: id }).toFile(file);
  stored = plainSpans(
    (await readFile(file, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("the demo's trace has every kind of span, links, events and a failed attempt", () => {
  const spans = [...stored.values()].flat();
  expect(spans.length).toBeGreaterThan(300);
  expect(spans.some(({ links }) => links.length > 0)).toBe(true);
  expect(spans.some(({ events }) => events.some(({ name }) => name === "exception"))).toBe(true);
  expect(new Set(spans.map(({ kind }) => kind))).toEqual(new Set(["PRODUCER", "CONSUMER", "INTERNAL"]));
});

test.skipIf(!backends)("an OpenTelemetry Collector takes an exported trace, span by span", async () => {
  await using backend = await startCollector(backends!.collector);
  await sendOtlpLines(file, backend.httpUrl);
  await waitFor(async () => (await backend.spans()).size >= stored.size, { what: "the collector's file" });
  expect(await backend.spans()).toEqual(stored);
});

test.skipIf(!backends)("Jaeger gives an exported trace back, span by span", async () => {
  await using backend = await startJaeger(backends!.jaeger);
  await sendOtlpLines(file, backend.httpUrl);
  const [first] = [...stored.values()].flat();
  await waitFor(async () => (await backend.spans(first!.traceId)).size >= stored.size, { what: "Jaeger's trace" });
  expect(await backend.spans(first!.traceId)).toEqual(stored);
});
