import { TestClickHouse } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import { OtlpReader } from "../ingest/otlp-reader.ts";
import { insertSpans } from "../testing/telemetry-stores.ts";
import { ClickHouseSpanStore } from "./clickhouse/index.ts";
import { DATABASE, localEngines, schemaStatements, versionTable } from "./schema.sql.ts";

/** The schema of version 2: without the times at which rows came. */
function versionTwo(): string[] {
  const statements = schemaStatements(localEngines).filter(
    (sql) => !/^ALTER TABLE \S+ \w+ (COLUMN|INDEX).*inserted_at/.test(sql),
  );
  return [
    `CREATE DATABASE ${DATABASE}`,
    versionTable(localEngines),
    ...statements.map((sql) => sql.replace(/,\n\s*inserted_at .*\n\s*INDEX inserted_at .*\n/, "\n")),
    `INSERT INTO ${DATABASE}.schema_version VALUES (2, now64(3))`,
  ];
}

describe("a store of version 2", () => {
  it("tells of its rows that they came long ago, and of others when they came, also once they are merged", async () => {
    await using server = await TestClickHouse.start();
    const run = async (sql: string) => {
      const answer = await fetch(server.url, { method: "POST", body: sql });
      expect([answer.status, sql]).toEqual([200, sql]);
      return answer.text();
    };
    for (const sql of versionTwo()) await run(sql);
    expect(await run(`DESCRIBE ${DATABASE}.spans`)).not.toContain("inserted_at");
    await run(
      `INSERT INTO ${DATABASE}.spans (trace_id, span_id, name, start_time) VALUES ('t', 'a', 'old', '2026-01-01')`,
    );
    await using store = new ClickHouseSpanStore({ url: server.url, retentionDays: 10_000 });
    await store.start();
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
});
