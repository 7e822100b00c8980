import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { QueryLogsRequestSchema, QuerySpansRequestSchema } from "@spanloom/protocol";
import { FaultyProxy, TestClickHouse, tempDir, waitFor } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { ClickHouseSpanStore } from "./columnar/clickhouse/index.ts";
import type { ArrowBatch } from "./columnar/span-store.ts";
import { logPayload, logRecord, rowsOf, span, tracePayload } from "./ingest/otlp-fixture.ts";
import { fixtureId, jobRecord, LifecycleFixture } from "./lifecycle/lifecycle-fixture.ts";
import { LATE_MS } from "./peer-barrier.ts";
import type { Telemetry } from "./telemetry.ts";
import { createTelemetry } from "./telemetry-plane.ts";

const HOUR_US = 3_600_000_000;

/** A server's telemetry in a folder of its own, with its clock ahead by so many microseconds. */
async function serverAt(
  url: string,
  dataDir: string,
  {
    store = new LifecycleFixture(),
    aheadUs = 0,
    clock = { ...systemClock, nowUs: () => systemClock.nowUs() + aheadUs },
  } = {},
) {
  const spanStore = new ClickHouseSpanStore({ url, retentionDays: 10_000 });
  const telemetry = createTelemetry({ dataDir, store, spanStore, shared: true, clock, log: () => undefined });
  await telemetry.start();
  return { telemetry, store, [Symbol.asyncDispose]: () => telemetry.stop() };
}

const never = new AbortController().signal;
async function rows(answer: AsyncIterable<ArrowBatch>) {
  const found: Record<string, unknown>[] = [];
  for await (const { ipc } of answer) found.push(...rowsOf(ipc));
  return found;
}
const bodies = async (telemetry: Telemetry) =>
  (await rows(telemetry.queryLogs(create(QueryLogsRequestSchema, { columns: ["body"] }), never))).map(
    (row) => row.body,
  );
const spansOf = (telemetry: Telemetry, columns: string[]) =>
  rows(telemetry.querySpans(create(QuerySpansRequestSchema, { columns }), never));

describe("servers that share a ClickHouse", () => {
  it("keep each other's log records apart, though their spools number alike", async () => {
    using dir = tempDir();
    await using clickhouse = await TestClickHouse.start();
    await using one = await serverAt(clickhouse.url, join(dir.path, "one"));
    await using other = await serverAt(clickhouse.url, join(dir.path, "other"));
    // The same trace, time and text, and in each the first record of the first payload.
    const payload = { signal: "logs" as const, bytes: logPayload([logRecord(1), logRecord(1)]) };
    for (const { telemetry } of [one, other, one, other]) await telemetry.ingest([payload]);
    await bodies(one.telemetry);
    expect(await bodies(other.telemetry)).toEqual(Array.from({ length: 8 }, () => "line 1"));
  });

  it("store a span once that was sent to both, as it was when it had ended", async () => {
    using dir = tempDir();
    await using clickhouse = await TestClickHouse.start();
    await using one = await serverAt(clickhouse.url, join(dir.path, "one"));
    await using other = await serverAt(clickhouse.url, join(dir.path, "other"));
    const traces = (rest: Parameters<typeof span>[1]) => [
      { signal: "traces" as const, bytes: tracePayload([span(1, rest)]) },
    ];
    const open = traces({ name: "open", endTimeUnixNano: 0n });
    const ended = traces({ name: "ended" });
    await one.telemetry.ingest(ended);
    // What was told before comes late, to a server whose numbers are higher.
    for (let i = 0; i < 5; i++) await other.telemetry.ingest(open);
    await one.telemetry.ingest(open);
    await spansOf(one.telemetry, ["name"]);
    expect(await spansOf(other.telemetry, ["name"])).toEqual([{ name: "ended" }]);
  });

  it("hold back what is given on while an insert may come late, and give on once what was stored twice", async () => {
    using dir = tempDir();
    await using clickhouse = await TestClickHouse.start();
    await using proxy = await FaultyProxy.start(clickhouse.url);
    let passedUs = 0;
    const clock = { ...systemClock, nowUs: () => systemClock.nowUs() + passedUs };
    await using server = await serverAt(proxy.url, dir.path, { clock });
    const { arrivals } = server.telemetry;
    const unanswered = new Set<string>();
    proxy.faultOf = (sql) => {
      const [, table] = /^INSERT INTO spanloom\.(spans|logs) /.exec(sql) ?? [];
      if (table === undefined || unanswered.has(table)) return undefined;
      unanswered.add(table);
      return { kind: "unanswered" };
    };
    const [spans, logs] = [tracePayload([span(1), span(2)]), logPayload([logRecord(1)])];
    await server.telemetry.ingest([
      { signal: "traces", bytes: spans },
      { signal: "logs", bytes: logs },
    ]);
    const horizon = await waitFor(() => arrivals.horizon().catch(() => undefined), { what: "the inserts" });
    expect(unanswered).toEqual(new Set(["spans", "logs"]));
    expect(horizon.nowUs - horizon.untilUs).toBe(BigInt(LATE_MS * 1000));
    passedUs = LATE_MS * 1000;
    const { nowUs, untilUs } = await arrivals.horizon();
    expect(untilUs).toBe(nowUs);
    // A row a page: of what is stored twice the second is nothing new, wherever a page ends.
    const limits = { maxRows: 1, maxBytes: 1_000_000, signal: never };
    const [given, stored] = [
      { spans: 0, logs: 0 },
      { spans: 0, logs: 0 },
    ];
    for (const table of ["spans", "logs"] as const) {
      for (const piece of await arrivals.pieces(table, 0n, untilUs)) stored[table] += piece.rows;
      for (let position = { us: 0n, place: "" }; position.us < untilUs; ) {
        const page = await arrivals.page(table, position, untilUs, limits);
        given[table] += page.batches.reduce((sum, batch) => sum + batch.rows, 0);
        position = page.position;
      }
    }
    expect(stored.spans).toBeGreaterThan(2);
    expect(stored.logs).toBeGreaterThan(1);
    expect(given).toEqual({ spans: 2, logs: 1 });
  });

  it("show the latest of a job, though the clock went back before a restart", async () => {
    using dir = tempDir();
    await using clickhouse = await TestClickHouse.start();
    const store = new LifecycleFixture();
    const id = fixtureId(1);
    const { endedAtUs: _, ...running } = jobRecord(id);
    const states: [typeof running, number][] = [
      [{ ...running, name: "open" }, HOUR_US],
      [{ ...jobRecord(id), name: "ended" }, 0],
    ];
    const seen: unknown[] = [];
    for (const [job, aheadUs] of states) {
      await using server = await serverAt(clickhouse.url, dir.path, { store, aheadUs });
      store.put(job);
      server.telemetry.lifecycleChanged(new Set([id]), new Set());
      seen.push(...(await spansOf(server.telemetry, ["job_name"])).map((row) => row.job_name));
    }
    expect(seen).toEqual(["open", "ended"]);
  });
});
