import { join } from "node:path";
import { TestClickHouse, tempDir } from "@spanloom/testing";
import { ChdbSpanStore } from "../columnar/chdb/index.ts";
import { ClickHouseSpanStore } from "../columnar/clickhouse/index.ts";
import type { SpanStore } from "../columnar/span-store.ts";
import type { TableEngines } from "../columnar/table-engines.ts";
import type { OtlpReader } from "../ingest/otlp-reader.ts";

/** A started store on data of its own. */
export interface TestedStore extends AsyncDisposable {
  store: SpanStore;
}

/** Every kind of telemetry store by name, for tests that hold for all. A process may have one of each at a time. */
export const telemetryStores: readonly [string, () => Promise<TestedStore>][] = [
  [
    "chDB",
    async () => {
      const dir = tempDir("spanloom-query-");
      const store = new ChdbSpanStore({ dataDir: join(dir.path, "telemetry"), retentionDays: 10_000 });
      return begun(store, async () => dir[Symbol.dispose]());
    },
  ],
  ["ClickHouse", () => onEndpoint({})],
  ["a cluster of ClickHouse", () => onEndpoint({ cluster: "spanloom", engine: "MergeTree" })],
];

/** Always on an endpoint of its own: these tests count what is there. */
async function onEndpoint(engines: TableEngines): Promise<TestedStore> {
  const server = await TestClickHouse.start();
  const store = new ClickHouseSpanStore({ url: server.url, retentionDays: 10_000, ...engines });
  return begun(store, () => server.stop());
}

async function begun(store: SpanStore, cleanUp: () => Promise<void>): Promise<TestedStore> {
  await store.start();
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.stop();
      await cleanUp();
    },
  };
}

/** Inserts what a reader holds of spans, and empties it. */
export async function insertSpans(store: SpanStore, reader: OtlpReader): Promise<void> {
  await store.insert({ table: "spans", ipc: reader.spans.finish(), rows: reader.spans.rows });
  reader.spans.truncate(0);
}
