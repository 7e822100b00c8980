import { create } from "@bufbuild/protobuf";
import { QueryLogsRequestSchema, QuerySpansRequestSchema, type SpanloomError } from "@spanloom/protocol";
import { type Fault, FaultyProxy, newSignal, TestClickHouse, tempDir, waitFor } from "@spanloom/testing";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../clock.ts";
import { attribute, idBytes, logPayload, logRecord, rowsOf, span, tracePayload } from "../../ingest/otlp-fixture.ts";
import { OtlpReader } from "../../ingest/otlp-reader.ts";
import { LifecycleFixture } from "../../lifecycle/lifecycle-fixture.ts";
import type { Telemetry } from "../../telemetry.ts";
import { createTelemetry } from "../../telemetry-plane.ts";
import { logBatch, spanBatch } from "../../testing/span-store-fixture.ts";
import { DATABASE } from "../schema.sql.ts";
import type { ArrowBatch, InsertBatch } from "../span-store.ts";
import { ClickHouseSpanStore } from "./index.ts";

const server = await TestClickHouse.start();
const proxy = await FaultyProxy.start(server.url);
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await server.stop();
});
beforeEach(async () => {
  proxy.faultOf = () => undefined;
  await fetch(server.url, { method: "POST", body: `DROP DATABASE IF EXISTS ${DATABASE} SYNC` });
});

const isInsert = (sql: string) => /^\s*INSERT INTO \S+ \(/.test(sql);
const isQuery = (sql: string) => sql.includes("FORMAT ArrowStream") && !isInsert(sql);
const newStore = (idleMs?: number) =>
  new ClickHouseSpanStore({ url: proxy.url, retentionDays: 10_000, ...(idleMs !== undefined && { idleMs }) });
const refused = (code: number, text: string, status = 500): Fault => ({ kind: "refused", status, code, text });
const failed = (text: string, afterBytes: number): Fault => ({ kind: "failed", afterBytes, text });

/** What may befall any statement, and how it is told. */
const faults: [string, Fault, { reason: string; message: RegExp }][] = [
  ["a connection that breaks", { kind: "dropped" }, unavailable(/socket hang up|ECONNRESET/)],
  ["an answer that does not come", { kind: "unanswered" }, unavailable(/socket hang up|ECONNRESET/)],
  ["a keeper that is lost", refused(999, "Session expired. (KEEPER_EXCEPTION)"), unavailable(/Session expired/)],
  ["a shard that is away", refused(279, "All connection tries failed."), unavailable(/All connection tries/)],
  ["a replica that is behind", refused(289, "Replica doesn't have part."), unavailable(/Replica doesn't have/)],
  ["too many queries", refused(202, "Too many simultaneous queries."), overloaded(/Too many simultaneous/)],
  ["a disk that is full", refused(243, "Cannot reserve 1.00 MiB, not enough space."), overloaded(/not enough space/)],
  [
    "a disk that is full, as the file system says it",
    refused(75, "Cannot write to file descriptor, errno: 28, strerror: No space left on device."),
    overloaded(/No space left/),
  ],
  [
    "a password that is wrong",
    refused(516, "spanloom: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)", 403),
    { reason: "INVALID_STATE", message: /ClickHouse refuses user or password: spanloom: Authentication failed/ },
  ],
  [
    "a user who may only read",
    refused(164, "spanloom: Cannot execute query in readonly mode."),
    { reason: "INVALID_STATE", message: /ClickHouse does not let its user do that: .*readonly mode/ },
  ],
  [
    "a grant that is missing",
    refused(497, "spanloom: Not enough privileges.", 403),
    { reason: "INVALID_STATE", message: /ClickHouse does not let its user do that: .*Not enough privileges/ },
  ],
];
/** What befalls inserts. */
const insertFaults: typeof faults = [
  ...faults,
  ["too many parts", refused(252, "Too many parts (3000)."), overloaded(/Too many parts/)],
  ["too few replicas", refused(285, "Number of alive replicas is less."), unavailable(/alive replicas/)],
  ["an answer that turns into an error", failed("Code: 241. DB::Exception: Memory limit.", 0), overloaded(/Memory/)],
  ["an unknown error", refused(1001, "std::exception."), unavailable(/std::exception/)],
];
/** What befalls queries. */
const queryFaults: typeof faults = [
  ...faults,
  ["an answer that breaks off", { kind: "cut off", afterBytes: 1_000 }, unavailable(/aborted|ECONNRESET|broke off/)],
  ["an answer that ends early", failed("", 1_000), unavailable(/the answer broke off/)],
  [
    "an answer that turns into an error",
    failed("Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)", 1_000),
    overloaded(/Memory limit exceeded/),
  ],
];

function unavailable(message: RegExp) {
  return { reason: "TELEMETRY_UNAVAILABLE", message };
}

function overloaded(message: RegExp) {
  return { reason: "OVERLOADED", message };
}

async function rows(answer: AsyncIterable<ArrowBatch>) {
  const found: Record<string, unknown>[] = [];
  for await (const { ipc } of answer) found.push(...rowsOf(ipc));
  return found;
}

/** A span and a log record of a job, each in a trace that is not its own. */
const ofJob = { attributes: [attribute("spanloom.job.id", "01980000-0000-7000-8000-000000000001")] };
function jobSpan(): InsertBatch {
  const reader = new OtlpReader();
  reader.readTraces(tracePayload([span(1, ofJob)]), 1);
  return { table: "spans", ipc: reader.spans.finish(), rows: reader.spans.rows };
}
function jobLog(): InsertBatch {
  const reader = new OtlpReader();
  reader.readLogs(logPayload([logRecord(1, { ...ofJob, traceId: idBytes(16, 8) })]), 1);
  return { table: "logs", ipc: reader.logs.finish(), rows: reader.logs.rows };
}

const names = { sql: `SELECT name FROM ${DATABASE}.spans FINAL ORDER BY name`, params: {} };
const one = () => spanBatch([{ id: 1, trace: 1, name: "one", startNs: 1n, version: 1n }]);
const told = ({ reason, message }: { reason: string; message: RegExp }) =>
  expect.objectContaining({ name: "SpanloomError", reason, message: expect.stringMatching(message) }) as SpanloomError;

describe("ClickHouse, when an insert meets", () => {
  it.each(insertFaults)("%s: says so, and takes the same rows afterwards, once", async (_, fault, error) => {
    await using store = newStore();
    await store.start();
    proxy.faultOf = (sql) => (isInsert(sql) ? fault : undefined);
    await expect(store.insert(one())).rejects.toThrow(told(error));
    await expect(store.insert(logBatch(["line"]))).rejects.toThrow(told(error));
    proxy.faultOf = () => undefined;
    await store.insert(one());
    await store.insert(logBatch(["line"]));
    expect(await rows(store.stream(names))).toEqual([{ name: "one" }]);
    const logs = { sql: `SELECT body FROM ${DATABASE}.logs FINAL`, params: {} };
    expect(await rows(store.stream(logs))).toEqual([{ body: "line" }]);
  });

  it("rows that are refused: says that it is these rows", async () => {
    await using store = newStore();
    await store.start();
    proxy.faultOf = (sql) => (isInsert(sql) ? refused(117, "Incorrect data.") : undefined);
    await expect(store.insert(one())).rejects.toThrow(told({ reason: "INTERNAL", message: /Incorrect data/ }));
  });

  it("other servers' inserts that wait for replicas: tries again until it is its turn", async () => {
    await using store = newStore();
    await store.start();
    let busy = 3;
    proxy.faultOf = (sql) =>
      isInsert(sql) && busy-- > 0 ? refused(286, "Another quorum insert has been already started.") : undefined;
    await store.insert(one());
    expect(busy).toBe(-1);
    expect(await rows(store.stream(names))).toEqual([{ name: "one" }]);
  });

  it("a server that says nothing: gives it up after a while", async () => {
    await using store = newStore(300);
    await store.start();
    const held = newSignal();
    proxy.faultOf = (sql) => (isInsert(sql) ? { kind: "held", until: held.promise } : undefined);
    await expect(store.insert(one())).rejects.toThrow(told(unavailable(/Timeout/)));
    held.resolve();
  });

  it("tables that are gone: makes them again", async () => {
    await using store = newStore();
    await store.start();
    await store.insert(one());
    await fetch(server.url, { method: "POST", body: `DROP DATABASE ${DATABASE} SYNC` });
    await expect(store.insert(one())).rejects.toMatchObject({ reason: "TELEMETRY_UNAVAILABLE" });
    await store.insert(one());
    expect(await rows(store.stream(names))).toEqual([{ name: "one" }]);
  });
});

describe("ClickHouse, when a table is dropped under it", () => {
  it.each(["spans", "logs", "job_traces", "job_traces_of_logs"])(
    "%s: makes it again, and misses no row",
    async (table) => {
      await using store = newStore();
      await store.start();
      await fetch(server.url, { method: "POST", body: `DROP TABLE ${DATABASE}.${table} SYNC` });
      const batches = () => [jobSpan(), jobLog()];
      // A view that is gone is missed by nobody until a server opens the store.
      if (table === "job_traces_of_logs") {
        await store.stop();
        await store.start();
      }
      for (const [i] of batches().entries()) {
        const inserted = () => store.insert(batches()[i]!).then(() => true);
        // At the first try the engine may take the rows before it finds that their view leads nowhere.
        await inserted().catch(inserted);
      }
      const count = (name: string) =>
        rows(store.stream({ sql: `SELECT count() AS n FROM ${DATABASE}.${name} FINAL`, params: {} }));
      expect(await Promise.all(["spans", "logs", "job_traces"].map(count))).toEqual([
        [{ n: 1n }],
        [{ n: 1n }],
        [{ n: 2n }],
      ]);
    },
  );
});

describe("ClickHouse, when a query meets", () => {
  it.each(queryFaults)("%s: says so, and answers whole afterwards", async (_, fault, error) => {
    await using store = newStore();
    await store.start();
    await store.insert(one());
    const many = { sql: "SELECT number, toString(number) AS text FROM numbers(100000)", params: {} };
    proxy.faultOf = (sql) => (isQuery(sql) ? fault : undefined);
    await expect(rows(store.stream(many))).rejects.toThrow(told(error));
    proxy.faultOf = () => undefined;
    expect(await rows(store.stream(many))).toHaveLength(100_000);
  });
});

describe("ClickHouse, when a start meets", () => {
  it.each(faults.filter(([, , { reason }]) => reason === "INVALID_STATE"))(
    "%s: refuses to start, with the reason",
    async (_, fault, error) => {
      proxy.faultOf = () => fault;
      await expect(newStore().start()).rejects.toThrow(told(error));
    },
  );

  it("a version that is too old: says which is needed", async () => {
    const unknown = refused(
      115,
      "Unknown setting 'string_serialization_version': for storage ReplacingMergeTree. (UNKNOWN_SETTING)",
    );
    proxy.faultOf = (sql) => (sql.includes("string_serialization_version") ? unknown : undefined);
    await expect(newStore().start()).rejects.toThrow(
      told({ reason: "INVALID_STATE", message: /ClickHouse 25\.11 or newer is needed: Unknown setting/ }),
    );
  });

  it("tables that were made for a cluster, or for none: refuses to start with others", async () => {
    await using plain = newStore();
    await plain.start();
    const clustered = () =>
      new ClickHouseSpanStore({ url: proxy.url, retentionDays: 10_000, cluster: "spanloom", engine: "MergeTree" });
    await expect(clustered().start()).rejects.toMatchObject({
      reason: "INVALID_STATE",
      message:
        'cannot open the telemetry store: its tables were made for no cluster, this server is told of cluster "spanloom"',
    });
    const replicated = new ClickHouseSpanStore({ url: proxy.url, engine: "ReplicatedMergeTree" });
    await expect(replicated.start()).rejects.toMatchObject({
      reason: "INVALID_STATE",
      message: /its tables are not replicated, this server is told of engine "ReplicatedMergeTree"/,
    });
    await fetch(server.url, { method: "POST", body: `DROP DATABASE ${DATABASE} SYNC` });
    await using store = clustered();
    await store.start();
    await expect(newStore().start()).rejects.toMatchObject({
      message:
        'cannot open the telemetry store: its tables were made for cluster "spanloom", this server is told of no cluster',
    });
  });
});

/** A telemetry plane over the proxy, whose retries do not wait for real time. */
async function plane(dataDir: string) {
  const lines: string[] = [];
  const clock = { ...systemClock, schedule: (callback: () => void) => systemClock.schedule(callback, 1) };
  const spanStore = newStore();
  const store = new LifecycleFixture();
  const log = (line: string) => lines.push(line);
  const telemetry = createTelemetry({ dataDir, store, spanStore, shared: true, clock, log });
  await telemetry.start();
  return { telemetry, lines, [Symbol.asyncDispose]: () => telemetry.stop() };
}

const payloads = (n: number) => [
  { signal: "traces" as const, bytes: tracePayload([span(n)]) },
  { signal: "logs" as const, bytes: logPayload([logRecord(n)]) },
];

async function stored(telemetry: Telemetry) {
  const { signal } = new AbortController();
  const spans = await rows(telemetry.querySpans(create(QuerySpansRequestSchema, { columns: ["name"] }), signal));
  const logs = await rows(telemetry.queryLogs(create(QueryLogsRequestSchema, { columns: ["body"] }), signal));
  return [...spans.map((row) => row.name), ...logs.map((row) => row.body)];
}

const numbers = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
const everything = (last: number) => [
  ...numbers(last).map((n) => `span ${n}`),
  ...numbers(last).map((n) => `line ${n}`),
];

describe("what was acknowledged", () => {
  it.each(insertFaults)("is stored once after %s, however often", async (_, fault) => {
    using dir = tempDir();
    await using running = await plane(dir.path);
    const { telemetry, lines } = running;
    let hits = 0;
    proxy.faultOf = (sql) => (isInsert(sql) && ++hits % 3 !== 0 ? fault : undefined);
    for (const n of numbers(20)) await telemetry.ingest(payloads(n));
    let last = 20;
    await waitFor(() => hits >= 8 || telemetry.ingest(payloads(++last)).then(() => false));
    proxy.faultOf = () => undefined;
    const found = await waitFor(() => stored(telemetry).catch(() => undefined));
    expect(found).toEqual(everything(last));
    expect(telemetry.stats().counts.droppedPayloads).toBe(0);
    expect(
      lines.some((line) => /^telemetry: cannot insert, next try in \d+ ms: cannot insert \d+ rows/.test(line)),
    ).toBe(true);
  });

  it("is stored once when an insert is given up and comes through later", async () => {
    using dir = tempDir();
    await using running = await plane(dir.path);
    const { telemetry } = running;
    const released = newSignal();
    let late = 0;
    proxy.faultOf = (sql) => (isInsert(sql) && late++ < 4 ? { kind: "late", until: released.promise } : undefined);
    for (const n of numbers(10)) await telemetry.ingest(payloads(n));
    const before = await waitFor(() => stored(telemetry).catch(() => undefined));
    expect(before).toEqual(everything(10));
    released.resolve();
    await proxy.settled();
    expect(late).toBeGreaterThanOrEqual(4);
    expect(await stored(telemetry)).toEqual(everything(10));
  });
});
