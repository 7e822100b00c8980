import { readFileSync } from "node:fs";
import { TestClickHouse } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import { OtlpReader } from "../ingest/otlp-reader.ts";
import { insertSpans } from "../testing/telemetry-stores.ts";
import { ClickHouseSpanStore } from "./clickhouse/index.ts";
import { DATABASE, SCHEMA_VERSION } from "./schema.sql.ts";
import type { TableEngines } from "./table-engines.ts";

const statementsOf = (file: string) =>
  readFileSync(new URL(`./testdata/${file}`, import.meta.url), "utf8")
    .split(";\n")
    .filter((sql) => sql.trim() !== "");

/** A server with a store of an earlier version, of one machine or of the cluster a suffix names. */
async function earlier(version: number, suffix = "") {
  const server = await TestClickHouse.start();
  const run = async (sql: string) => {
    const answer = await fetch(server.url, { method: "POST", body: sql });
    expect([answer.status, sql]).toEqual([200, sql]);
    return (await answer.text()).trim();
  };
  await run(`CREATE DATABASE ${DATABASE}`);
  for (const sql of statementsOf(`schema-${version}${suffix}.sql`)) await run(sql);
  await run(`INSERT INTO ${DATABASE}.schema_version VALUES (${version}, now64(3))`);
  return { server, run, [Symbol.asyncDispose]: () => server.stop() };
}

const opened = async (url: string, engines: TableEngines = {}) => {
  const store = new ClickHouseSpanStore({ url, retentionDays: 10_000, ...engines });
  await store.start();
  return store;
};

const oldLogs = `INSERT INTO ${DATABASE}.logs (time, trace_id, body, job_id, ingest_id, writer)
SELECT toDateTime64('2026-01-01', 9) + number, 't', 'line ' || toString(number), 'j', number, 7 FROM numbers(1000)`;
const logsLeft = `SELECT count(), uniqExact(body), min(writer), max(ingest_id) FROM ${DATABASE}.logs FINAL`;

/** Everything about tables that statements decide. */
const tables = `SELECT name, engine, sorting_key, partition_key, columns FROM system.tables LEFT JOIN (
SELECT table, groupArray((name, type, default_expression, compression_codec)) AS columns FROM (
SELECT * FROM system.columns WHERE database = '${DATABASE}' ORDER BY position) GROUP BY table) AS c ON c.table = name
WHERE database = '${DATABASE}' ORDER BY name`;

describe("migrate", () => {
  it("tells of rows of version 2 that they came long ago, and of others when they came, also once they are merged", async () => {
    await using old = await earlier(2);
    const { server, run } = old;
    expect(await run(`DESCRIBE ${DATABASE}.spans`)).not.toContain("inserted_at");
    await run(
      `INSERT INTO ${DATABASE}.spans (trace_id, span_id, name, start_time) VALUES ('t', 'a', 'old', '2026-01-01')`,
    );
    await using store = await opened(server.url);
    const reader = new OtlpReader();
    reader.readTraces(tracePayload([span(1, { name: "new" })]), 1);
    await insertSpans(store, reader);
    const times = async () => {
      const sql = `SELECT name, inserted_at = toDateTime64(0, 6, 'UTC') AS is_epoch, abs(dateDiff('minute', inserted_at, now64(6))) < 60 AS is_now
FROM ${DATABASE}.spans ORDER BY name`;
      const rows: Record<string, unknown>[] = [];
      for await (const { ipc } of store.stream({ sql, params: {} })) rows.push(...rowsOf(ipc));
      return rows;
    };
    const expected = [
      { name: "new", is_epoch: 0, is_now: 1 },
      { name: "old", is_epoch: 1, is_now: 0 },
    ];
    expect(await times()).toEqual(expected);
    await run(`OPTIMIZE TABLE ${DATABASE}.spans FINAL`);
    expect(await times()).toEqual(expected);
  });

  it.each([2, 3, 4])("keeps the logs of version %i, and makes the tables a new store has", async (version) => {
    await using old = await earlier(version);
    await using fresh = await TestClickHouse.start();
    await old.run(oldLogs);
    await using store = await opened(old.server.url);
    expect(await old.run(logsLeft)).toBe("1000\t1000\t7\t999");
    expect(await old.run(`SELECT count() FROM ${DATABASE}.job_traces FINAL`)).toBe("1");
    expect(await old.run(`SELECT max(version) FROM ${DATABASE}.schema_version`)).toBe(String(SCHEMA_VERSION));
    await using other = await opened(fresh.url);
    const made = await (await fetch(fresh.url, { method: "POST", body: tables })).text();
    expect(await old.run(tables)).toBe(made.trim());
    await Promise.all([store.stop(), other.stop()]);
  });

  it.each([
    { of: "one machine", suffix: "", engines: {} },
    { of: "a cluster", suffix: "-cluster", engines: { cluster: "twice", engine: "MergeTree" } },
  ])("makes the attributes of version 4 on $of dictionaries, and keeps them", async ({ suffix, engines }) => {
    await using old = await earlier(4, suffix);
    await using fresh = await TestClickHouse.start();
    await old.run(`INSERT INTO ${DATABASE}.spans${suffix && "_local"} (trace_id, span_id, start_time, attribute_types, resource_attributes)
SELECT 't', 's', '2026-01-01', map('n', 'int'), map('service.name', 'shop', 'host', 'a') FROM numbers(2)`);
    await using store = await opened(old.server.url, engines);
    const spans = `SELECT DISTINCT attribute_types, resource_attributes, toTypeName(resource_attributes), resource_schema_url,
scope_dropped_attributes FROM ${DATABASE}.spans FINAL`;
    expect((await old.run(spans)).split("\t")).toEqual([
      "{'n':'int'}",
      "{'service.name':'shop','host':'a'}",
      "Map(LowCardinality(String), LowCardinality(String))",
      "",
      "0",
    ]);
    await using other = await opened(fresh.url, engines);
    const made = await (await fetch(fresh.url, { method: "POST", body: tables })).text();
    expect(await old.run(tables)).toBe(made.trim());
    await Promise.all([store.stop(), other.stop()]);
  });

  it("goes on where a migration was cut off, wherever that was", async () => {
    for (const done of [1, 2, 3]) {
      await using old = await earlier(3);
      await old.run(oldLogs);
      const steps = [
        `DROP VIEW ${DATABASE}.job_traces_of_logs`,
        `RENAME TABLE ${DATABASE}.logs TO ${DATABASE}.logs_3`,
        // A copy that was half done.
        `CREATE TABLE ${DATABASE}.logs AS ${DATABASE}.logs_3 ENGINE = ReplacingMergeTree
PARTITION BY toDate(time) ORDER BY (trace_id, time, ingest_id, writer)`,
      ];
      for (const sql of steps.slice(0, done)) await old.run(sql);
      if (done === 3) await old.run(`INSERT INTO ${DATABASE}.logs SELECT * FROM ${DATABASE}.logs_3 LIMIT 500`);
      await using store = await opened(old.server.url);
      expect([done, await old.run(logsLeft)]).toEqual([done, "1000\t1000\t7\t999"]);
      await store.stop();
    }
  });

  it("is done once by several servers that start at the same time, on a new store and on an earlier one", async () => {
    for (const version of [0, 3]) {
      await using server = version === 0 ? await TestClickHouse.start() : undefined;
      await using old = version === 0 ? undefined : await earlier(version);
      await old?.run(oldLogs);
      const { url } = server ?? old!.server;
      const stores = Array.from({ length: 4 }, () => new ClickHouseSpanStore({ url, retentionDays: 10_000 }));
      await Promise.all(stores.map((store) => store.start()));
      for (const [i, store] of stores.entries()) {
        const reader = new OtlpReader();
        reader.readTraces(tracePayload([span(i + 1)]), 1);
        await insertSpans(store, reader);
      }
      const found = await (await fetch(url, { method: "POST", body: `SELECT count() FROM ${DATABASE}.spans` })).text();
      expect(found.trim()).toBe("4");
      if (old) expect(await old.run(logsLeft)).toBe("1000\t1000\t7\t999");
      await Promise.all(stores.map((store) => store.stop()));
    }
  });
});
