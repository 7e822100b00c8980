import { tableFromIPC } from "apache-arrow";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { SpanStore, Statement } from "../columnar/span-store.ts";

/** Ids of log records of a spool's payloads from `seq` on that the store has. */
export async function presentLogIds(store: SpanStore, writer: bigint, seq: number): Promise<ReadonlySet<bigint>> {
  const ids = new Set<bigint>();
  const statement = {
    sql: `SELECT ingest_id FROM ${DATABASE}.logs WHERE ingest_id >= {from:UInt64} AND writer = {writer:UInt64}`,
    params: { from: BigInt(seq) << 24n, writer },
  };
  for await (const column of columnsOf(store, statement)) for (const id of column) ids.add(id);
  return ids;
}

/** Highest payload number and highest lifecycle version the store has seen; 0 when it is empty. */
export async function highestIds(store: SpanStore): Promise<{ seq: number; version: bigint }> {
  const [spans = 0n] = await oneRow(store, `SELECT maxIf(${INGESTED}, type = 'user') AS value FROM ${DATABASE}.spans`);
  const [logs = 0n] = await oneRow(store, `SELECT max(ingest_id) AS value FROM ${DATABASE}.logs`);
  const [version = 0n] = await oneRow(store, `SELECT maxIf(version, type != 'user') AS value FROM ${DATABASE}.spans`);
  const seqs = [spans >> 24n, logs >> 24n].map(Number);
  return { seq: Math.max(...seqs), version };
}

/** Version of a user span without the bit that says that the span has ended. */
const INGESTED = "bitAnd(version, toUInt64(9223372036854775807))";

async function oneRow(store: SpanStore, sql: string): Promise<bigint[]> {
  const values: bigint[] = [];
  for await (const column of columnsOf(store, { sql, params: {} })) values.push(...column);
  return values;
}

async function* columnsOf(store: SpanStore, statement: Statement): AsyncIterable<BigUint64Array> {
  for await (const { ipc } of store.stream(statement)) {
    yield (tableFromIPC(ipc).getChildAt(0)?.toArray() as BigUint64Array | undefined) ?? new BigUint64Array();
  }
}
