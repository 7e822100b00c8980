import { TestClickHouse, testSpanStore } from "@spanloom/testing";
import { afterAll, describe, expect, it } from "vitest";
import { rowsOf } from "../../ingest/otlp-fixture.ts";
import { spanBatch, spanStoreFixture } from "../../testing/span-store-fixture.ts";
import { DATABASE, SCHEMA_VERSION } from "../schema.sql.ts";
import type { SpanStore } from "../span-store.ts";
import type { TableEngines } from "../table-engines.ts";
import { ClickHouseSpanStore } from "./index.ts";

const given = process.env.SPANLOOM_TEST_CLICKHOUSE_URL;
const server = await TestClickHouse.start({ url: given });
/** A real server's cluster is taken as it is; ours is one of a single server, which has no address for replicas. */
const cluster = given ? process.env.SPANLOOM_TEST_CLICKHOUSE_CLUSTER : "spanloom";
afterAll(() => server.stop());

const newStore = (retentionDays = 10_000) => new ClickHouseSpanStore({ url: server.url, retentionDays });

/** On a server that is given, the database is the tests' own: it goes before and after. */
async function dropDatabase(url: string, { cluster: name }: TableEngines): Promise<void> {
  const body = `DROP DATABASE IF EXISTS ${DATABASE}${name === undefined ? "" : ` ON CLUSTER '${name}'`} SYNC`;
  const answer = await fetch(url, { method: "POST", body });
  expect([answer.status, await answer.text()]).toEqual([200, expect.anything()]);
}

// P8: what holds for the embedded store holds here.
const suites: [string, TableEngines][] = [["clickhouse", {}]];
if (cluster) suites.push(["clickhouse cluster", { cluster, ...(!given && { engine: "MergeTree" }) }]);
for (const [name, engines] of suites) {
  const own = given ? server : await TestClickHouse.start();
  if (given) await dropDatabase(own.url, engines);
  testSpanStore(name, () =>
    spanStoreFixture({
      open: (retentionDays) => new ClickHouseSpanStore({ url: own.url, retentionDays, ...engines }),
      dispose: () => (given ? dropDatabase(own.url, engines) : own.stop()),
    }),
  );
}

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
    const one = spanBatch([{ id: 1, trace: 9, name: "x", startNs: 1n, version: 1n }]);
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
    await store.insert(spanBatch([{ id: 2, trace: 9, name: "y", startNs: 1n, version: 1n }]));
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
