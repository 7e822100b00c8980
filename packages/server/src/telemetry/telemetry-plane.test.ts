import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AggregateSpansRequestSchema,
  attemptSpanId,
  CompareJobsRequestSchema,
  QueryLogsRequestSchema,
  QuerySpansRequestSchema,
  SpanloomError,
  spanIdOf,
  TailSpansRequestSchema,
} from "@spanloom/protocol";
import { newSignal, tempDir, waitFor } from "@spanloom/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { ChdbSpanStore } from "./columnar/chdb/index.ts";
import type { ArrowBatch, InsertBatch, SpanStore } from "./columnar/span-store.ts";
import { attribute, idBytes, logPayload, logRecord, rowsOf, span, tracePayload } from "./ingest/otlp-fixture.ts";
import { seed } from "./ingest/testing/otlp-arbitraries.ts";
import {
  attemptRecord,
  fixtureId,
  jobRecord,
  LifecycleFixture,
  startUs,
  taskRecord,
} from "./lifecycle/lifecycle-fixture.ts";
import type { Telemetry } from "./telemetry.ts";
import { createTelemetry, type TelemetryOptions } from "./telemetry-plane.ts";

const never = new AbortController().signal;
const jobId = fixtureId(1);
const taskId = fixtureId(2);

/** chDB behind a gate: a test may hold inserts back or make them fail. */
class GatedStore implements SpanStore {
  readonly inner: ChdbSpanStore;
  readonly retentionDays: number;
  gate: () => Promise<void> = async () => undefined;
  inserts = 0;
  constructor(dataDir: string, retentionDays = 10_000) {
    this.inner = new ChdbSpanStore({ dataDir, retentionDays });
    this.retentionDays = retentionDays;
  }
  start = () => this.inner.start();
  stop = () => this.inner.stop();
  stats = () => this.inner.stats();
  stream: SpanStore["stream"] = (statement, signal) => this.inner.stream(statement, signal);
  async insert(batch: InsertBatch): Promise<void> {
    await this.gate();
    this.inserts++;
    await this.inner.insert(batch);
  }
}

async function started(dir: string, rest: Partial<TelemetryOptions> = {}) {
  const spanStore = new GatedStore(join(dir, "telemetry"));
  const store = new LifecycleFixture();
  const options = { dataDir: dir, store, spanStore, clock: systemClock, log: () => undefined, ...rest };
  const telemetry = createTelemetry(options);
  await telemetry.start();
  return { telemetry, spanStore, store, [Symbol.asyncDispose]: () => telemetry.stop() };
}

async function spans(telemetry: Telemetry, request: MessageInitShape<typeof QuerySpansRequestSchema> = {}) {
  const rows: Record<string, unknown>[] = [];
  for await (const { ipc } of telemetry.querySpans(create(QuerySpansRequestSchema, request), never))
    rows.push(...rowsOf(ipc));
  return rows;
}

async function logs(telemetry: Telemetry, request: MessageInitShape<typeof QueryLogsRequestSchema> = {}) {
  const rows: Record<string, unknown>[] = [];
  for await (const { ipc } of telemetry.queryLogs(create(QueryLogsRequestSchema, request), never))
    rows.push(...rowsOf(ipc));
  return rows;
}

async function rowsIn(answer: AsyncIterable<ArrowBatch>) {
  const rows: Record<string, unknown>[] = [];
  for await (const { ipc } of answer) rows.push(...rowsOf(ipc));
  return rows;
}

const traces = (...numbers: number[]) => ({
  signal: "traces" as const,
  bytes: tracePayload(numbers.map((n) => span(n))),
});
const logLines = (...numbers: number[]) => ({
  signal: "logs" as const,
  bytes: logPayload(numbers.map((n) => logRecord(n))),
});

describe("Telemetry", () => {
  it("shows every payload and every change that came before a query (P2)", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path);
    const { telemetry, store } = plane;
    for (let n = 1; n <= 20; n++) {
      await telemetry.ingest([traces(n), logLines(n)]);
      expect(await spans(telemetry, { columns: ["span_id"], filter: { types: [4] } })).toHaveLength(n);
      expect(await logs(telemetry, { columns: ["body"] })).toHaveLength(n);
    }
    store.put(jobRecord(jobId), taskRecord(taskId, jobId));
    telemetry.lifecycleChanged(new Set([jobId]), new Set([taskId]));
    expect(
      (await spans(telemetry, { columns: ["span_id"], filter: { jobIds: [jobId] } })).map((row) => row.span_id).sort(),
    ).toEqual([spanIdOf(jobId), spanIdOf(taskId), attemptSpanId(taskId, 1)].sort());
    expect(store.projected).toEqual([jobId]);
    await new Promise((resolve) => systemClock.schedule(() => resolve(undefined), 600));
    await telemetry.ingest([traces(21)]);
    expect(await spans(telemetry, { columns: ["span_id"], filter: { types: [4] } })).toHaveLength(21);
  });

  it("rejects spans and log records older than the retention, with the reason, and takes the others", async () => {
    using dir = tempDir();
    const spanStore = new GatedStore(join(dir.path, "telemetry"), 30);
    const nowNs = BigInt(systemClock.nowUs()) * 1000n;
    const daysAgo = (days: number) => nowNs - BigInt(days) * 86_400_000_000_000n;
    const at = (days: number) => ({ startTimeUnixNano: daysAgo(days), endTimeUnixNano: daysAgo(days) + 1n });
    const times = (days: number) => ({ timeUnixNano: daysAgo(days), observedTimeUnixNano: nowNs });
    await using plane = await started(dir.path, { spanStore });
    const { telemetry } = plane;
    const outcome = await telemetry.ingest([
      {
        signal: "traces",
        bytes: tracePayload([span(1, { name: "old", ...at(31) }), span(2, { name: "kept", ...at(29) })]),
      },
      {
        signal: "logs",
        bytes: logPayload([logRecord(1, times(31)), logRecord(2, times(29)), logRecord(3, times(31))]),
      },
    ]);
    expect(outcome).toEqual({
      rejectedSpans: 1,
      rejectedLogs: 2,
      message:
        'cannot accept span "old": start_time_unix_nano is more than 30 days ago, which is how long telemetry is kept',
    });
    expect((await spans(telemetry, { columns: ["name"] })).map((row) => row.name)).toEqual(["kept"]);
    expect(await logs(telemetry, { columns: ["time"] })).toEqual([{ time: daysAgo(29) }]);
    expect(telemetry.stats().counts.rejectedSpans + telemetry.stats().counts.rejectedLogs).toBe(3);
  });

  it("shows open spans of a running job without an end, and replaces them when they end (P3)", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path);
    const { telemetry, store } = plane;
    const { endedAtUs: _, ...running } = taskRecord(taskId, jobId);
    const { endedAtUs: __, ...job } = jobRecord(jobId);
    store.put(job, running);
    telemetry.lifecycleChanged(new Set([jobId]), new Set([taskId]));
    const request = { columns: ["name", "end_time"], filter: { jobIds: [jobId], open: true } };
    expect((await spans(telemetry, request)).map((row) => row.name).sort()).toEqual(["job audit", "task walk"]);
    store.put(jobRecord(jobId), taskRecord(taskId, jobId));
    telemetry.lifecycleChanged(new Set([jobId]), new Set([taskId]));
    expect(await spans(telemetry, request)).toEqual([]);
    const ended = await spans(telemetry, { columns: ["name", "end_time"], filter: { jobIds: [jobId], types: [1] } });
    expect(ended).toEqual([{ name: "job audit", end_time: BigInt(startUs + 9_000) * 1000n }]);
  });

  it("shows open user spans without an end until they have ended, in whatever order the two come (P3)", async () => {
    using dir = tempDir();
    const version = (n: number, name: string, open: boolean) => ({
      signal: "traces" as const,
      bytes: tracePayload([span(n, { name, ...(open && { endTimeUnixNano: 0n }) })]),
    });
    const seen = async (telemetry: Telemetry) => {
      const rows = await spans(telemetry, { columns: ["name", "end_time", "duration_ns"] });
      return rows.map((row) => [row.name, row.duration_ns]);
    };
    {
      await using plane = await started(dir.path);
      const { telemetry } = plane;
      await telemetry.ingest([version(1, "begun", true), version(2, "ended", false), version(3, "begun", true)]);
      expect(await seen(telemetry)).toEqual([
        ["begun", null],
        ["ended", 500n],
        ["begun", null],
      ]);
      await telemetry.ingest([version(1, "ended", false), version(2, "begun", true), version(3, "begun anew", true)]);
    }
    // Without its spool a server goes on with the numbers that the store knows.
    await rm(join(dir.path, "spool"), { recursive: true });
    await using plane = await started(dir.path);
    await plane.telemetry.ingest([version(1, "sent again", false), version(2, "begun", true)]);
    expect(await seen(plane.telemetry)).toEqual([
      ["sent again", 500n],
      ["ended", 500n],
      ["begun anew", null],
    ]);
  });

  it("tails spans as they open and end: of jobs, of tasks, and open ones that a runner tells of (P3)", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path);
    const { telemetry, store } = plane;
    const { endedAtUs: _, ...running } = taskRecord(taskId, jobId);
    const { endedAtUs: __, ...job } = jobRecord(jobId);
    store.put(job, running);
    telemetry.lifecycleChanged(new Set([jobId]), new Set([taskId]));
    const controller = new AbortController();
    const request = create(TailSpansRequestSchema, { columns: ["name", "duration_ns"], includeExisting: true });
    const seen: string[] = [];
    const tail = (async () => {
      for await (const { ipc } of telemetry.tailSpans(request, controller.signal)) {
        for (const { name, duration_ns: ns } of rowsOf(ipc)) seen.push(`${name}${ns === null ? ", open" : ""}`);
      }
    })();
    const next = async (count: number) => {
      await waitFor(() => seen.length >= count);
      return seen.splice(0).sort();
    };
    expect(await next(3)).toEqual(["job audit, open", "task walk, open", "walk"]);
    const payload = (endTimeUnixNano: bigint) => ({
      signal: "traces" as const,
      bytes: tracePayload([span(1, { name: "long", endTimeUnixNano })]),
    });
    await telemetry.ingest([payload(0n)]);
    expect(await next(1)).toEqual(["long, open"]);
    store.put(jobRecord(jobId), taskRecord(taskId, jobId));
    telemetry.lifecycleChanged(new Set([jobId]), new Set([taskId]));
    await telemetry.ingest([payload(2_000_000_000_000_000_000n)]);
    await waitFor(() => seen.length >= 4);
    expect(new Set(seen)).toEqual(new Set(["job audit", "task walk", "walk", "long"]));
    controller.abort();
    await expect(tail).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
  });

  it("returns a job's own spans, plain ones of its trace, and those in other traces that name it, and no others", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path);
    const { telemetry } = plane;
    const own = Uint8Array.from(Buffer.from(jobId.replaceAll("-", ""), "hex"));
    const named = (id: string) => [attribute("spanloom.job.id", id)];
    const bytes = tracePayload([
      span(1, { name: "plain", traceId: own }),
      span(2, { name: "named", traceId: own, attributes: named(jobId) }),
      span(3, { name: "elsewhere", traceId: idBytes(16, 5), attributes: named(jobId) }),
      span(4, { name: "of another job", traceId: own, attributes: named(taskId) }),
      span(5, { name: "plain elsewhere", traceId: idBytes(16, 5) }),
    ]);
    await telemetry.ingest([{ signal: "traces", bytes }]);
    const names = async (filter: MessageInitShape<typeof QuerySpansRequestSchema>["filter"]) =>
      (await spans(telemetry, { columns: ["name"], ...(filter && { filter }) })).map((row) => row.name);
    expect(await names({ jobIds: [jobId] })).toEqual(["plain", "named", "elsewhere"]);
    expect(await names({ not: { jobIds: [jobId] } })).toEqual(["of another job", "plain elsewhere"]);
    expect(await names({ and: [{ not: {} }] })).toEqual([]);
  });

  it("stores a span once that is received twice, and the later of two versions of it, whatever lies between", async () => {
    using dir = tempDir();
    const version = (n: number, state: string) => ({
      signal: "traces" as const,
      bytes: tracePayload([span(n, { attributes: [attribute("state", state)] }), span(100 + n)]),
    });
    const seen = async (telemetry: Telemetry) => {
      const found = await spans(telemetry, {
        columns: ["name", "attributes"],
        filter: { names: [{ match: { case: "regex", value: "^span .$" } }] },
      });
      return found.map((row) => [row.name, (row.attributes as [string, string][])[0]?.[1]]);
    };
    {
      await using plane = await started(dir.path);
      const { telemetry } = plane;
      const again = version(1, "again");
      await telemetry.ingest([again, version(2, "first")]);
      await Promise.all([telemetry.ingest([again]), telemetry.ingest([again])]);
      await telemetry.ingest([version(2, "second")]);
      expect(await seen(telemetry)).toEqual([
        ["span 1", "again"],
        ["span 2", "second"],
      ]);
      await telemetry.ingest([again, version(2, "third")]);
      expect(await seen(telemetry)).toEqual([
        ["span 1", "again"],
        ["span 2", "third"],
      ]);
    }
    await using plane = await started(dir.path);
    await plane.telemetry.ingest([version(1, "after a restart"), version(2, "after a restart")]);
    expect(await seen(plane.telemetry)).toEqual([
      ["span 1", "after a restart"],
      ["span 2", "after a restart"],
    ]);
    expect(await spans(plane.telemetry, { columns: ["span_id"] })).toHaveLength(4);
  });

  it("aggregates and compares what came before, and refuses at once what is wrong (P2)", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path);
    const { telemetry, store, spanStore } = plane;
    const other = fixtureId(9);
    store.put(jobRecord(jobId), taskRecord(taskId, jobId));
    telemetry.lifecycleChanged(new Set([jobId]), new Set([taskId]));
    await telemetry.ingest([traces(1, 2, 3)]);
    const counted = create(AggregateSpansRequestSchema, {
      groupBy: [{ key: { case: "column", value: "type" } }],
      measures: [1],
    });
    expect(await rowsIn(telemetry.aggregateSpans(counted, never))).toEqual([
      { type: "attempt", count: 1n },
      { type: "job", count: 1n },
      { type: "task", count: 1n },
      { type: "user", count: 3n },
    ]);
    const compared = (otherJobId: string) => create(CompareJobsRequestSchema, { baseJobId: jobId, otherJobId });
    expect(await rowsIn(telemetry.compareJobs(compared(jobId), never))).toHaveLength(3);
    await expect(rowsIn(telemetry.compareJobs(compared(other), never))).rejects.toMatchObject({
      reason: "JOB_NOT_FOUND",
      message: `cannot compare jobs: no span of job "${other}" is stored`,
    });
    spanStore.gate = () => Promise.reject(new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot insert: away"));
    await telemetry.ingest([traces(4)]);
    await expect(rowsIn(telemetry.compareJobs(compared("nope"), never))).rejects.toMatchObject({
      reason: "INVALID_FIELD",
    });
    const wrong = create(AggregateSpansRequestSchema, { measures: [0] });
    await expect(rowsIn(telemetry.aggregateSpans(wrong, never))).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    spanStore.gate = async () => undefined;
  });

  it("takes payloads while the store is away, answers queries with TELEMETRY_UNAVAILABLE, and loses nothing (P4)", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path);
    const { telemetry, spanStore } = plane;
    let away = true;
    spanStore.gate = async () => {
      if (away) throw new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot insert: away");
    };
    for (let n = 1; n <= 50; n++) await telemetry.ingest([traces(n), logLines(n)]);
    await expect(spans(telemetry)).rejects.toMatchObject({ reason: "TELEMETRY_UNAVAILABLE" });
    for (let n = 51; n <= 60; n++) await telemetry.ingest([traces(n), logLines(n)]);
    away = false;
    const found = await waitFor(() => spans(telemetry, { columns: ["span_id"] }).catch(() => undefined));
    expect(found).toHaveLength(60);
    expect((await logs(telemetry, { columns: ["body"] })).map((row) => row.body)).toEqual(
      Array.from({ length: 60 }, (_, i) => `line ${i + 1}`),
    );
  });

  it("stores a log record once when an insert that failed had taken its rows", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path);
    const { telemetry, spanStore } = plane;
    const { insert } = spanStore;
    let lies = 2;
    spanStore.insert = async (batch) => {
      await insert.call(spanStore, batch);
      if (batch.table === "logs" && lies-- > 0) throw new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot say: cut off");
    };
    await telemetry.ingest([logLines(1, 2), traces(1)]);
    await telemetry.ingest([logLines(3)]);
    const rows = await waitFor(() => logs(telemetry, { columns: ["body"] }).catch(() => undefined));
    expect(rows.map((row) => row.body)).toEqual(["line 1", "line 2", "line 3"]);
  });

  it("gives up a batch that the engine never takes, counts it and goes on (P4)", async () => {
    using dir = tempDir();
    const lines: string[] = [];
    // Retries wait their turn without real time passing.
    const clock = { ...systemClock, schedule: (callback: () => void) => systemClock.schedule(callback, 1) };
    await using plane = await started(dir.path, { log: (line) => lines.push(line), clock });
    const { telemetry, spanStore } = plane;
    let poisoned = true;
    spanStore.gate = async () => {
      if (poisoned) throw new SpanloomError("INTERNAL", "cannot insert: defect");
    };
    await telemetry.ingest([traces(1), traces(2)]);
    await waitFor(() => telemetry.stats().counts.droppedPayloads === 2);
    poisoned = false;
    await telemetry.ingest([traces(3)]);
    expect((await spans(telemetry, { columns: ["name"] })).map((row) => row.name)).toEqual(["span 3"]);
    expect(lines.at(-1)).toMatch(/dropped 2 payloads that the store refuses: cannot insert: defect/);
  });

  it("refuses payloads with OVERLOADED once the spool is full, and takes them when the store is back", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path, { spoolMaxBytes: 20_000 });
    const { telemetry, spanStore } = plane;
    const held = newSignal();
    spanStore.gate = () => held.promise;
    let taken = 0;
    await expect(
      (async () => {
        for (;;) {
          await telemetry.ingest([traces(taken + 1)]);
          taken++;
        }
      })(),
    ).rejects.toMatchObject({ reason: "OVERLOADED" });
    held.resolve();
    expect(await spans(telemetry, { columns: ["span_id"] })).toHaveLength(taken);
    await telemetry.ingest([traces(taken + 1)]);
    expect(await spans(telemetry, { columns: ["span_id"] })).toHaveLength(taken + 1);
  });

  it("refuses a call whole when one of its payloads is malformed, and counts refused records", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path);
    const { telemetry } = plane;
    const malformed = { signal: "logs" as const, bytes: Uint8Array.of(0x0a, 0x7f) };
    await expect(telemetry.ingest([traces(1), malformed])).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    const bytes = tracePayload([span(1), span(2, { spanId: new Uint8Array(3) })]);
    expect(await telemetry.ingest([{ signal: "traces", bytes }])).toEqual({
      rejectedSpans: 1,
      rejectedLogs: 0,
      message: 'cannot accept span "span 2": span_id has 3 bytes, not 8',
    });
    expect(await spans(telemetry, { columns: ["span_id"] })).toHaveLength(1);
    expect(telemetry.stats()).toMatchObject({ counts: { ingestedSpans: 1, rejectedSpans: 1 } });
  });

  it("takes batch after batch in order when far more comes than the store takes", async () => {
    using dir = tempDir();
    await using plane = await started(dir.path);
    const { telemetry, spanStore } = plane;
    const held = newSignal();
    spanStore.gate = () => held.promise;
    const perPayload = 20_000;
    const payloads = 16;
    for (let i = 0; i < payloads; i++) {
      const bytes = tracePayload(Array.from({ length: perPayload }, (_, n) => span(i * perPayload + n + 1)));
      await telemetry.ingest([{ signal: "traces", bytes }]);
    }
    held.resolve();
    let rows = 0;
    const request = create(QuerySpansRequestSchema, { columns: ["span_id"] });
    for await (const batch of telemetry.querySpans(request, never)) rows += batch.rows;
    expect(rows).toBe(payloads * perPayload);
    expect(telemetry.stats().counts.droppedPayloads).toBe(0);
  });

  it("projects at start what a crash left unprojected (P1)", async () => {
    using dir = tempDir();
    const store = new LifecycleFixture();
    store.put(jobRecord(jobId), taskRecord(taskId, jobId, { attempts: [attemptRecord(1), attemptRecord(2)] }));
    await using plane = await started(dir.path, { store });
    const { telemetry } = plane;
    expect(await spans(telemetry, { columns: ["span_id"], filter: { jobIds: [jobId] } })).toHaveLength(4);
    expect(store.projected).toEqual([jobId]);
  });

  it("has everything it acknowledged, each log record once, after SIGKILL at any point of ingest, five times over (P1, P2)", async () => {
    using dir = tempDir();
    const acknowledged = new Set<number>();
    const kills = fc.sample(fc.integer({ min: 1, max: 500 }), { numRuns: 5, seed });
    for (const [round, after] of kills.entries())
      await ingestUntilKilled(dir.path, { first: round * 100_000 + 1, after }, acknowledged);
    await using plane = await started(dir.path);
    const { telemetry } = plane;
    const names = (await spans(telemetry, { columns: ["name"] })).map((row) => row.name);
    const bodies = (await logs(telemetry, { columns: ["body"] })).map((row) => row.body);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(bodies).size).toBe(bodies.length);
    const missing = [...acknowledged].filter((n) => !names.includes(`span ${n}`) || !bodies.includes(`line ${n}`));
    expect(missing, `killed after ${kills.join(", ")} payloads`).toEqual([]);
  });
});

/** Runs the test program until it acknowledged so many payloads, then kills it with SIGKILL. */
async function ingestUntilKilled(
  dataDir: string,
  { first, after }: { first: number; after: number },
  acknowledged: Set<number>,
): Promise<void> {
  const program = fileURLToPath(import.meta.resolve("./testing/ingest-until-killed-program.ts"));
  const child = spawn(process.execPath, [program, dataDir, String(first)]);
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  let seen = 0;
  for await (const line of createInterface(child.stdout)) {
    acknowledged.add(Number(line));
    if (++seen === after) child.kill("SIGKILL");
  }
  if (seen < after) throw new Error(`the test program ended after ${seen} payloads: ${errors}`);
}
