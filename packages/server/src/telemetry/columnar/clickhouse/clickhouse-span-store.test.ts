import { create } from "@bufbuild/protobuf";
import { QueryLogsRequestSchema, QuerySpansRequestSchema } from "@spanloom/protocol";
import { type SuiteSpan, TestClickHouse, testSpanStore } from "@spanloom/testing";
import { afterAll, describe, expect, it } from "vitest";
import { idBytes, logPayload, logRecord, rowsOf, span, tracePayload } from "../../ingest/otlp-fixture.ts";
import { OtlpReader } from "../../ingest/otlp-reader.ts";
import { planLogs, planSpans } from "../../query/planner.ts";
import { DATABASE, SCHEMA_VERSION } from "../schema.sql.ts";
import type { InsertBatch, SpanStore } from "../span-store.ts";
import { ClickHouseSpanStore } from "./index.ts";

const startNs = 1_767_225_600_000_000_000n;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const given = process.env.SPANLOOM_TEST_CLICKHOUSE_URL;
const server = await TestClickHouse.start({ url: given });
afterAll(() => server.stop());

const newStore = () => new ClickHouseSpanStore({ url: server.url, retentionDays: 10_000 });

function toBatch(spans: readonly SuiteSpan[]): InsertBatch {
  const reader = new OtlpReader();
  for (const { id, trace, name, version, startNs: at } of spans) {
    const one = span(id + 1, {
      traceId: idBytes(16, trace),
      name,
      startTimeUnixNano: startNs + at,
      endTimeUnixNano: startNs + at + 5n,
    });
    reader.readTraces(tracePayload([one]), Number(version));
  }
  return { table: "spans", ipc: reader.spans.finish(), rows: reader.spans.rows };
}

// P8: what holds for the embedded store holds here.
testSpanStore("clickhouse", () => ({
  store: newStore(),
  reopened: newStore,
  spans: toBatch,
  logs(bodies): InsertBatch {
    const reader = new OtlpReader();
    const records = bodies.map((value) => logRecord(1, { body: { value: { case: "stringValue", value } } }));
    reader.readLogs(logPayload(records), 1);
    return { table: "logs", ipc: reader.logs.finish(), rows: reader.logs.rows };
  },
  spansOf(trace, name) {
    const names = name === undefined ? [] : [{ match: { case: "exact" as const, value: name } }];
    const filter = { traceIds: [hex(idBytes(16, trace))], names };
    return planSpans(create(QuerySpansRequestSchema, { filter, columns: ["span_id", "name"] }), new Map());
  },
  allLogs: () => planLogs(create(QueryLogsRequestSchema, {}), new Map()),
  broken: { sql: "SELECT nothing FROM nowhere", params: {} },
  failing: { sql: "SELECT intDiv(1, number - 70000) AS n FROM numbers(100000) ORDER BY n", params: {} },
  rowsOf: ({ ipc }) => rowsOf(ipc),
  async dispose() {
    // The endpoint's data go with it.
  },
}));

async function rowsFrom(store: SpanStore, sql: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for await (const { ipc } of store.stream({ sql, params: {} })) found.push(...rowsOf(ipc));
  return found;
}

describe("ClickHouseSpanStore", () => {
  it("gives an answer of many rows in several whole streams, dictionaries included", async () => {
    await using store = newStore();
    await store.start();
    const sql =
      "SELECT toLowCardinality(toString(number % 7)) AS text FROM numbers(200000) SETTINGS max_block_size = 16384";
    let batches = 0;
    let rows = 0;
    for await (const batch of store.stream({ sql, params: {} })) {
      const texts = rowsOf(batch.ipc).map(({ text }) => text);
      expect(texts).toHaveLength(batch.rows);
      expect(texts[8]).toBe(String((rows + 8) % 7));
      batches++;
      rows += batch.rows;
    }
    expect(rows).toBe(200_000);
    expect(batches).toBeGreaterThan(3);
  });

  it("changes retention at start", async () => {
    for (const retentionDays of [30, 7]) {
      await using store = new ClickHouseSpanStore({ url: server.url, retentionDays });
      await store.start();
      const [row] = await rowsFrom(
        store,
        `SELECT engine_full FROM system.tables WHERE database = '${DATABASE}' AND name = 'spans'`,
      );
      expect(String(row?.engine_full)).toContain(`toIntervalDay(${retentionDays})`);
    }
  });

  it.skipIf(given)("says that ClickHouse is away, and works again when it is back", async () => {
    await using store = newStore();
    await store.start();
    await server.crash();
    const gone = { reason: "TELEMETRY_UNAVAILABLE" };
    const one = toBatch([{ id: 1, trace: 9, name: "x", startNs: 1n, version: 1n }]);
    await expect(store.insert(one)).rejects.toMatchObject(gone);
    await expect(rowsFrom(store, "SELECT 1")).rejects.toMatchObject(gone);
    const lines: string[] = [];
    await using late = new ClickHouseSpanStore({
      url: server.url,
      retentionDays: 10_000,
      log: (line) => lines.push(line),
    });
    await late.start();
    expect(lines).toEqual([
      expect.stringMatching(/^telemetry: cannot open the telemetry store at .*: ClickHouse: .*spool$/),
    ]);
    await expect(late.insert(one)).rejects.toMatchObject(gone);
    await server.recover();
    await late.insert(one);
    await store.insert(toBatch([{ id: 2, trace: 9, name: "y", startNs: 1n, version: 1n }]));
    expect(await rowsFrom(store, `SELECT name FROM ${DATABASE}.spans WHERE name = 'x'`)).toEqual([{ name: "x" }]);
  });

  it("refuses data from a newer version", async () => {
    await using elsewhere = await TestClickHouse.start();
    await using store = new ClickHouseSpanStore({ url: elsewhere.url });
    await store.start();
    const newer = `INSERT INTO ${DATABASE}.schema_version VALUES (${SCHEMA_VERSION + 1}, now64(3))`;
    await fetch(elsewhere.url, { method: "POST", body: newer });
    await store.stop();
    await expect(store.start()).rejects.toMatchObject({
      reason: "INVALID_STATE",
      message: `cannot open the telemetry store: its schema is version ${SCHEMA_VERSION + 1}, this server knows up to ${SCHEMA_VERSION}`,
    });
  });
});
