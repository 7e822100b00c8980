import { Readable } from "node:stream";
import { type ClickHouseClient, type ClickHouseSettings, createClient } from "@clickhouse/client";
import { SpanloomError } from "@spanloom/protocol";
import { logColumns, spanColumns } from "../../columns/span-columns.ts";
import { migrate } from "../migrate.ts";
import { DATABASE, localEngines, type SchemaEngines } from "../schema.sql.ts";
import type { ArrowBatch, InsertBatch, SpanStore, SpanStoreStats, Statement } from "../span-store.ts";
import { shownUrl } from "./clickhouse-url.ts";
import { fromClickHouseError } from "./errors.ts";
import { ipcBatches } from "./ipc-batches.ts";

const DEFAULT_RETENTION_DAYS = 30;
/** Requests open at once; a slow reader holds one. */
const MAX_CONNECTIONS = 16;
/** A connection on which nothing moves for this long is given up. */
const IDLE_MS = 60_000;

/** Which ClickHouse, and how its tables are made. */
export interface ClickHouseSpanStoreOptions {
  /** `http://user:password@host:port`. */
  url: string;
  /** Days a span or log record is kept after it started. Default 30. */
  retentionDays?: number;
  /** Engines of the tables. Default: those of one machine. */
  engines?: SchemaEngines;
  /** Hears that ClickHouse cannot be reached at the start. */
  log?: (line: string) => void;
}

/** As the embedded engine is set up; what is about memory and threads is the server's own to say. */
const settings: ClickHouseSettings = {
  // A batch becomes one block, hence one part for each day in it: whole or not at all within a day.
  max_insert_threads: "1",
  max_insert_block_size: "10000000",
  min_insert_block_size_rows: "10000000",
  min_insert_block_size_bytes: "1073741824",
  max_partitions_per_insert_block: "0",
  optimize_on_insert: 0,
  // An insert is acknowledged when it is stored, never when it is merely queued.
  async_insert: 0,
  wait_end_of_query: 0,
  prefer_column_name_to_alias: 1,
  output_format_arrow_compression_method: "none",
  output_format_arrow_low_cardinality_as_dictionary: 1,
  output_format_arrow_string_as_string: 1,
};

const insertColumns = { spans: Object.keys(spanColumns()), logs: Object.keys(logColumns()) };

/**
 * Spans and logs in a ClickHouse that servers share, over HTTP: the SQL and the schema of the embedded engine.
 *
 * I1. An insert is acknowledged by ClickHouse before its promise resolves; it is never tried again here, but by its caller.
 * I2. An answer that breaks off, or turns into an error on the way, rejects: never a part for the whole.
 * I3. A start does not wait for a ClickHouse that is away: whatever comes first when it is back migrates it.
 * I4. Values travel as HTTP parameters, which ClickHouse binds; nothing of them becomes SQL.
 */
export class ClickHouseSpanStore implements SpanStore {
  readonly retentionDays: number;
  readonly #options: ClickHouseSpanStoreOptions;
  #client: ClickHouseClient | undefined;
  /** Resolves with the client when the tables are there; absent after it failed, and then it is tried again. */
  #ready: Promise<ClickHouseClient> | undefined;

  constructor(options: ClickHouseSpanStoreOptions) {
    this.#options = options;
    this.retentionDays = options.retentionDays ?? DEFAULT_RETENTION_DAYS;
  }

  /**
   * Opens and migrates, now or when ClickHouse can be reached.
   *
   * Errors: INVALID_STATE when it refuses user or password, or its data are from a newer version.
   */
  async start(): Promise<void> {
    if (this.#client) return;
    this.#client = createClient({
      url: this.#options.url,
      application: "spanloom",
      max_open_connections: MAX_CONNECTIONS,
      request_timeout: IDLE_MS,
      // Rows of the same job are alike: a third of the bytes, for some 2 ms of processor time a megabyte.
      compression: { request: true, response: true },
      clickhouse_settings: settings,
      log: { level: 127 },
    });
    try {
      await this.#migrated();
    } catch (error) {
      if (error instanceof SpanloomError && error.reason === "TELEMETRY_UNAVAILABLE") {
        this.#options.log?.(`telemetry: ${error.message}; it waits in the spool`);
        return;
      }
      await this.stop();
      throw error;
    }
  }

  /** The client, when the tables are known to be there. */
  #migrated(): Promise<ClickHouseClient> {
    const client = this.#open();
    this.#ready ??= this.#migrate(client).catch((error: unknown) => {
      this.#ready = undefined;
      throw fromClickHouseError(error, `open the telemetry store at ${shownUrl(this.#options.url)}`);
    });
    return this.#ready;
  }

  async #migrate(client: ClickHouseClient): Promise<ClickHouseClient> {
    const { engines = localEngines } = this.#options;
    await migrate((sql) => this.#run(sql), engines, this.retentionDays);
    return client;
  }

  /** Finishes running statements and closes. Safe to call twice. */
  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#ready = undefined;
    await client?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Inserts a batch. */
  async insert({ table, ipc, rows }: InsertBatch): Promise<void> {
    if (rows === 0) return;
    const client = await this.#migrated();
    try {
      const { stream } = await client.exec({
        query: `INSERT INTO ${DATABASE}.${table} (${insertColumns[table].join(", ")}) FORMAT ArrowStream`,
        values: Readable.from(ipc, { objectMode: false }),
      });
      await endOf(stream);
    } catch (error) {
      throw fromClickHouseError(error, `insert ${rows} rows into ${table}`);
    }
  }

  /** Runs a query and streams its rows. */
  async *stream(statement: Statement, signal?: AbortSignal): AsyncIterable<ArrowBatch> {
    const client = await this.#migrated();
    signal?.throwIfAborted();
    const leaving = new AbortController();
    try {
      const { stream } = await client.exec({
        query: `${statement.sql}\nFORMAT ArrowStream`,
        query_params: { ...statement.params },
        abort_signal: signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal,
      });
      for await (const batch of ipcBatches(stream as AsyncIterable<Uint8Array>)) {
        signal?.throwIfAborted();
        yield batch;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw fromClickHouseError(error, "run the query");
    } finally {
      leaving.abort();
    }
  }

  /** What is held. */
  async stats(): Promise<SpanStoreStats> {
    const text = await this.#run(
      `SELECT sumIf(rows, table = 'spans'), sumIf(rows, table = 'logs'), sum(bytes_on_disk) FROM system.parts
WHERE active AND database = '${DATABASE}'`,
    ).catch((error: unknown) => {
      throw fromClickHouseError(error, "read the size of the telemetry store");
    });
    const [spans = 0, logs = 0, bytesOnDisk = 0] = text.trim().split("\t").map(Number);
    return { spans, logs, bytesOnDisk };
  }

  async #run(sql: string): Promise<string> {
    const { stream } = await this.#open().exec({
      query: sql,
      clickhouse_settings: { default_format: "TabSeparated" } as ClickHouseSettings,
    });
    return endOf(stream);
  }

  #open(): ClickHouseClient {
    if (this.#client) return this.#client;
    throw new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot use the telemetry store: it is not open");
  }
}

/** A short answer as text. */
async function endOf(stream: AsyncIterable<unknown>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part as Uint8Array);
  return Buffer.concat(parts).toString();
}
