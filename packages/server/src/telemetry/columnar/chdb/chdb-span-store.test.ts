import { execFile } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { tempDir, testSpanStore } from "@spanloom/testing";
import { drainPending, Session } from "chdb";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../../ingest/otlp-fixture.ts";
import { startNicerThread } from "../../testing/nicer-thread.ts";
import { spanBatch, spanStoreFixture } from "../../testing/span-store-fixture.ts";
import { maySetNice, threadNices } from "../../testing/thread-nices.ts";
import { DATABASE, SCHEMA_VERSION } from "../schema.sql.ts";
import type { Statement } from "../span-store.ts";
import { ChdbSpanStore } from "./index.ts";

testSpanStore("chdb", () => {
  const dir = tempDir("spanloom-chdb-");
  const dataDir = join(dir.path, "telemetry");
  return spanStoreFixture({
    open: (retentionDays) => new ChdbSpanStore({ dataDir, retentionDays }),
    async dispose() {
      dir[Symbol.dispose]();
    },
  });
});

describe("ChdbSpanStore", () => {
  it("refuses data from a newer version", async () => {
    using dir = tempDir();
    await using store = new ChdbSpanStore({ dataDir: dir.path });
    await store.start();
    await store.stop();
    const session = new Session(dir.path);
    await session.queryAsync(`INSERT INTO ${DATABASE}.schema_version VALUES (${SCHEMA_VERSION + 1}, now64(3))`);
    session.close();
    await drainPending();
    await expect(store.start()).rejects.toMatchObject({
      reason: "INVALID_STATE",
      message: `cannot open the telemetry store: its schema is version ${SCHEMA_VERSION + 1}, this server knows up to ${SCHEMA_VERSION}`,
    });
  });

  it("names the folder it cannot make", async () => {
    using dir = tempDir();
    const file = join(dir.path, "file");
    writeFileSync(file, "");
    const store = new ChdbSpanStore({ dataDir: join(file, "telemetry") });
    await expect(store.start()).rejects.toMatchObject({
      reason: "INVALID_STATE",
      message: /cannot open the telemetry store in ".*telemetry"/,
    });
  });

  it.runIf(process.platform === "linux")("names the cause when it may not write to its folder", async () => {
    // Nobody, not even root, can make a folder in sysfs.
    const store = new ChdbSpanStore({ dataDir: "/sys/spanloom-telemetry" });
    await expect(store.start()).rejects.toMatchObject({
      reason: "INVALID_STATE",
      message: /cannot open the telemetry store in "\/sys\/spanloom-telemetry": (EPERM|EACCES|EROFS)/,
    });
  });

  it("names the process that has its folder open, and leaves that one's files alone", async () => {
    using dir = tempDir();
    await using store = new ChdbSpanStore({ dataDir: dir.path });
    await store.start();
    const incoming = join(dir.path, "incoming", "1.arrow");
    writeFileSync(incoming, "");
    const program = fileURLToPath(import.meta.resolve("../../testing/open-store-program.ts"));
    const open = () => promisify(execFile)(process.execPath, [program, dir.path]).then(({ stdout }) => stdout);
    expect(await open()).toBe(
      `INVALID_STATE: cannot open the telemetry store in "${dir.path}": process ${process.pid} has it open\n`,
    );
    expect(existsSync(incoming)).toBe(true);
    await store.stop();
    expect(await open()).toBe("opened\n");
    expect(existsSync(incoming)).toBe(false);
  });

  it("refuses a scan that would take the memory of inserts, and serves the next", async () => {
    using dir = tempDir();
    await using store = new ChdbSpanStore({ dataDir: dir.path, maxMemoryBytes: 512 * 1024 ** 2 });
    await store.start();
    const countOf = (numbers: number) => {
      const sql = `SELECT length(groupArray(number)) AS n FROM numbers(${numbers})`;
      return rowsFrom(store, { sql, params: {}, scans: true });
    };
    await expect(countOf(60_000_000)).rejects.toMatchObject({
      reason: "OVERLOADED",
      message: expect.stringContaining("maximum: 384"),
    });
    expect(await countOf(1000)).toEqual([{ n: 1000n }]);
  });

  it("changes retention at start, and leaves no incoming file behind", async () => {
    using dir = tempDir();
    for (const retentionDays of [30, 7]) {
      await using store = new ChdbSpanStore({ dataDir: dir.path, retentionDays });
      await store.start();
      await store.insert(spanBatch([{ id: 1, trace: 1, name: "x", startNs: 1n, version: 1n }]));
      const sql = `SELECT engine_full FROM system.tables WHERE database = '${DATABASE}' AND name = 'spans'`;
      const found = await rowsFrom(store, { sql, params: {} });
      expect(String(found[0]!.engine_full)).toContain(`toIntervalDay(${retentionDays})`);
      expect(readdirSync(join(dir.path, "incoming"))).toEqual([]);
    }
  });

  const maySet = process.platform === "linux" && maySetNice() && getPriority() === 0;

  it.runIf(maySet)("inserts and merges at a lower priority than it queries", async () => {
    using dir = tempDir();
    await using store = new ChdbSpanStore({ dataDir: dir.path });
    await store.start();
    const spans = Array.from({ length: 5_000 }, (_, id) => ({ id, trace: 1, name: "x", startNs: 1n, version: 1n }));
    const batch = spanBatch(spans);
    await expect.poll(() => nicesDuring(store.insert(batch)), { timeout: 60_000 }).toContain(10);
    // A thread that a merge makes has its priority until the next query begins.
    const merges = { sql: "SELECT count() AS n FROM system.merges", params: {} };
    await expect.poll(() => rowsFrom(store, merges), { timeout: 60_000 }).toEqual([{ n: 0n }]);
    const numbers = { sql: "SELECT sum(number) AS n FROM numbers_mt(300000000)", params: {} };
    expect(await nicesDuring(rowsFrom(store, numbers))).toEqual([0]);
    const sql = "SELECT value FROM system.server_settings WHERE name = 'os_threads_nice_value_merge_mutate'";
    expect(await rowsFrom(store, { sql, params: {} })).toEqual([{ value: "10" }]);
  });

  it.runIf(maySet)("queries on no thread that is left at the priority of inserts and merges", async () => {
    using dir = tempDir();
    await using store = new ChdbSpanStore({ dataDir: dir.path });
    await store.start();
    // As the engine's own are when an insert had them made.
    await using thread = await startNicerThread("ThreadPool", 10);
    await rowsFrom(store, { sql: "SELECT 1", params: {} });
    expect(getPriority(thread.id)).toBe(0);
    setPriority(thread.id, 10);
    await store.insert(spanBatch([{ id: 1, trace: 1, name: "x", startNs: 1n, version: 1n }]));
    expect(getPriority(thread.id)).toBe(0);
  });
});

const statementThreads = ["libuv-worker", "QueryPullPipeEx", "QueryPipelineEx"];

/** Nice values of the threads that run a statement or compute for it; merges have threads of other names. */
async function nicesDuring(running: Promise<unknown>): Promise<number[]> {
  const nices = new Set<number>();
  let isOver = false;
  const over = running.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    for (const name of statementThreads) for (const nice of threadNices(name)) nices.add(nice);
    await setImmediate();
  }
  await over;
  return [...nices];
}

async function rowsFrom(store: ChdbSpanStore, statement: Statement): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const { ipc } of store.stream(statement)) rows.push(...rowsOf(ipc));
  return rows;
}
