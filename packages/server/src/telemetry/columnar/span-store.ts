/**
 * The columnar home of spans and logs: a ClickHouse dialect in process (chdb/) or over HTTP (clickhouse/).
 *
 * One set of SQL serves both: the planner writes statements with bound parameters, and an implementation only runs
 * them. Implementations MUST treat the batch's bytes as read-only and MUST NOT keep them after the promise resolves.
 *
 * I1. A row inserted before `insert` resolved is seen by every `stream` called afterwards.
 * I2. Of rows with the same trace and span id, queries see the one with the highest version.
 * I3. Rows that are inserted again are seen once, also when the first insert, whose answer was lost, comes after the
 *     second. Log records are the same when their trace, time, `ingest_id` and `writer` are.
 * I4. Text from a caller reaches the engine only as a bound parameter.
 */

/** Tables of the telemetry store. */
export type TelemetryTable = "spans" | "logs";

/** Rows to insert: one Arrow IPC stream with the table's insert schema, in parts to be put end to end. */
export interface InsertBatch {
  table: TelemetryTable;
  ipc: readonly Uint8Array[];
  rows: number;
}

/** A statement and its parameters, bound by the engine as `{name:Type}`. */
export interface Statement {
  sql: string;
  params: Readonly<Record<string, string | number | boolean | bigint | readonly string[] | readonly number[]>>;
  /** Whether it reads far more than it answers with, so that every thread it may have is worth its cost. */
  scans?: boolean;
  /** Whether its answer is small enough to be held whole, so that it may come at once when all of it is computed. */
  isSmall?: boolean;
}

/** Part of an answer: one or more whole Arrow IPC streams, uncompressed. */
export interface ArrowBatch {
  ipc: Uint8Array;
  rows: number;
}

/** What the store holds. */
export interface SpanStoreStats {
  spans: number;
  logs: number;
  /** Compressed size on disk. */
  bytesOnDisk: number;
}

/**
 * A telemetry store.
 *
 * Errors: TELEMETRY_UNAVAILABLE (transient), OVERLOADED when the disk is full, INVALID_STATE at start when the data is
 * locked, read-only or from a newer version, INTERNAL when the engine refuses a statement.
 * Concurrency: methods may be called at any time; an implementation queues what its engine cannot run at once.
 */
export interface SpanStore {
  /** Days a row is kept after it started. */
  readonly retentionDays: number;
  /** Opens and migrates. */
  start(): Promise<void>;
  /** Finishes running statements and closes. Safe to call twice. */
  stop(): Promise<void>;
  /** Inserts a batch, whole or not at all. */
  insert(batch: InsertBatch): Promise<void>;
  /**
   * Runs a query and streams its rows in batches; a query without rows yields one batch of zero rows with the schema.
   * Leaving the loop early or aborting ends the query.
   */
  stream(statement: Statement, signal?: AbortSignal): AsyncIterable<ArrowBatch>;
  /** What is held. */
  stats(): Promise<SpanStoreStats>;
}
