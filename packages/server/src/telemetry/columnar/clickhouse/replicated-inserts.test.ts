import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { newSignal, waitFor } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { spanBatch } from "../../testing/span-store-fixture.ts";
import { SCHEMA_VERSION, schemaStatements } from "../schema.sql.ts";
import { ClickHouseSpanStore } from "./index.ts";

/** What an insert was sent with. */
interface SeenInsert {
  settings: URLSearchParams;
  /** Answers it: stored, or refused as another one is under way. */
  answer: (isBusy: boolean) => void;
}

/** A server with replicated tables that are up to date, which holds every insert until the test answers it. */
async function replicatedServer() {
  const inserts: SeenInsert[] = [];
  const names = schemaStatements({}).map((sql) => /EXISTS \w+\.(\w+)/.exec(sql)?.[1]);
  const server = createServer(async (request, response) => {
    const { searchParams: settings } = new URL(request.url ?? "/", "http://server");
    const parts = await request.toArray();
    const sql = settings.get("query") ?? textOf(Buffer.concat(parts as Buffer[]));
    if (sql.startsWith("INSERT")) {
      const answer = (isBusy: boolean) => {
        response.statusCode = isBusy ? 500 : 200;
        response.end(isBusy ? "Code: 286. DB::Exception: Another quorum insert has been already started.\n" : "");
      };
      inserts.push({ settings, answer });
    } else if (sql.includes("max(version)")) response.end(`${SCHEMA_VERSION}\n`);
    else if (sql.includes("engine_full")) response.end("ReplicatedReplacingMergeTree ... toIntervalDay(30)\n");
    else response.end(sql.startsWith("SELECT name") ? names.join("\n") : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    inserts,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const textOf = (body: Buffer) => (body[0] === 0x1f ? gunzipSync(body) : body).toString();
const pause = async () => undefined;
const batch = (id: number) => spanBatch([{ id, trace: 1, name: "x", startNs: 1n, version: 1n }]);

describe("inserts into replicated tables", () => {
  it("follow each other, wait for most replicas, and are tried again with the same token when another server's is under way", async () => {
    await using server = await replicatedServer();
    await using store = new ClickHouseSpanStore({ url: server.url, engine: "ReplicatedMergeTree", pause });
    await store.start();
    const { inserts } = server;
    const second = newSignal();
    const first = store.insert(batch(1));
    void store.insert(batch(2)).then(second.resolve, second.reject);
    await waitFor(() => inserts.length === 1);
    inserts[0]!.answer(true);
    await waitFor(() => inserts.length === 2);
    inserts[1]!.answer(false);
    await first;
    await waitFor(() => inserts.length === 3);
    inserts[2]!.answer(false);
    await second.promise;
    const sent = inserts.map(({ settings }) => [
      settings.get("insert_quorum"),
      settings.get("insert_quorum_parallel"),
      settings.get("select_sequential_consistency"),
    ]);
    expect(sent).toEqual(Array.from({ length: 3 }, () => ["auto", "0", "1"]));
    const [one, again, other] = inserts.map(({ settings }) => settings.get("insert_deduplication_token"));
    expect(one).toMatch(/^[0-9a-f-]{36}$/);
    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });

  it("go on after one that failed", async () => {
    await using server = await replicatedServer();
    await using store = new ClickHouseSpanStore({
      url: `${server.url}?clickhouse_setting_insert_quorum=1`,
      engine: "ReplicatedMergeTree",
      pause,
    });
    await store.start();
    const { inserts } = server;
    const results = [1, 2].map((id) =>
      store.insert(batch(id)).then(
        () => "stored",
        (error: Error) => error.message,
      ),
    );
    // As many tries as it makes, and no more.
    for (let i = 0; i < 12; i++) {
      await waitFor(() => inserts.length === i + 1);
      inserts[i]!.answer(true);
    }
    expect(await results[0]).toMatch(/^cannot insert 1 rows into spans: ClickHouse: .*Another quorum insert/);
    await waitFor(() => inserts.length === 13);
    inserts[12]!.answer(false);
    expect(await results[1]).toBe("stored");
    expect(inserts[12]!.settings.get("insert_quorum")).toBe("1");
  });
});
