import { tableFromIPC } from "apache-arrow";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { SpanStore } from "../columnar/span-store.ts";

/** Highest payload number and highest lifecycle version the store has seen; 0 when it is empty. */
export async function highestIds(store: SpanStore): Promise<{ seq: number; version: bigint }> {
  const [spans = 0n] = await oneRow(store, `SELECT maxIf(${INGESTED}, type = 'user') AS value FROM ${DATABASE}.spans`);
  const [logs = 0n] = await oneRow(store, `SELECT max(ingest_id) AS value FROM ${DATABASE}.logs`);
  const [version = 0n] = await oneRow(store, `SELECT maxIf(version, type != 'user') AS value FROM ${DATABASE}.spans`);
  const seqs = [spans >> 24n, logs >> 24n].map(Number);
  return { seq: Math.max(...seqs), version };
}

/** Version of a user span without the bits that say that the span has ended, or was ended by the server. */
const INGESTED = "bitAnd(version, toUInt64(4611686018427387903))";

async function oneRow(store: SpanStore, sql: string): Promise<bigint[]> {
  const values: bigint[] = [];
  for await (const { ipc } of store.stream({ sql, params: {} })) {
    const column = tableFromIPC(ipc).getChildAt(0)?.toArray() as BigUint64Array | undefined;
    values.push(...(column ?? []));
  }
  return values;
}
