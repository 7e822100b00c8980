import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type ClickHouseClient, type ClickHouseSettings, createClient, parseError } from "@clickhouse/client";
import { SpanloomError } from "@spanloom/protocol";
import { logColumns, spanColumns } from "../../columns/span-columns.ts";
import { migrate } from "../migrate.ts";
import { DATABASE } from "../schema.sql.ts";
import type { ArrowBatch, InsertBatch, SpanStore, SpanStoreStats, Statement } from "../span-store.ts";
import { isReplicated, type TableEngines } from "../table-engines.ts";
import { shownUrl } from "./clickhouse-url.ts";
import {
  areTablesGone,
  fromClickHouseError,
  fromClickHouseInsertError,
  fromSchemaError,
  isQuorumBusy,
} from "./errors.ts";
import { ipcBatches } from "./ipc-batches.ts";
import { settingsFor } from "./settings.ts";

const DEFAULT_RETENTION_DAYS = 30;
/** Requests open at once; a slow reader holds one. */
const MAX_CONNECTIONS = 16;
/** A connection on which nothing moves for this long is given up unless told otherwise. */
const IDLE_MS = 60_000;
/** Tries of an insert while those of other servers wait for their replicas, and the pause after the first, then doubled. */
const QUORUM_TRIES = { count: 12, firstMs: 20, lastMs: 2_000 };

/** Which ClickHouse, and how its tables are made. */
export interface ClickHouseSpanStoreOptions extends TableEngines {
  /** `http://user:password@host:port`. */
  url: string;
  /** Days a span or log record is kept after it started. Default 30. */
  retentionDays?: number;
  /** How long a connection on which nothing moves is waited for, in milliseconds. Default a minute. */
  idleMs?: number;
  /** Waits for so many milliseconds before an insert is tried again; for tests. */
  pause?: (ms: number) => Promise<void>;
  /** Hears that ClickHouse cannot be reached at the start. */
  log?: (line: string) => void;
}

const insertColumns = { spans: Object.keys(spanColumns()), logs: Object.keys(logColumns()) };

/**
 * Spans and logs in a ClickHouse that servers share, over HTTP: the SQL and the schema of the embedded engine.
 *
 * I1. An insert is acknowledged by ClickHouse before its promise resolves: on a cluster, by every shard and most replicas.
 *     Here it is tried again only when it was refused before anything of it was taken; else that is its caller's part.
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
  /** The latest insert, where one must follow the other. */
  #inserting: Promise<void> = Promise.resolve();

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
      request_timeout: this.#options.idleMs ?? IDLE_MS,
      // Rows of the same job are alike: a third of the bytes, for some 2 ms of processor time a megabyte.
      compression: { request: true, response: true },
      clickhouse_settings: settingsFor(this.#options),
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
      throw fromSchemaError(error, `open the telemetry store at ${shownUrl(this.#options.url)}`);
    });
    return this.#ready;
  }

  async #migrate(client: ClickHouseClient): Promise<ClickHouseClient> {
    await migrate((sql) => this.#run(sql), this.#options, this.retentionDays);
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
  insert(batch: InsertBatch): Promise<void> {
    if (batch.rows === 0) return Promise.resolve();
    if (!isReplicated(this.#options)) return this.#insert(batch);
    // Where inserts wait for replicas ClickHouse refuses a second one: this server's at least need not meet.
    const inserting = this.#inserting.then(() => this.#insert(batch));
    this.#inserting = inserting.catch(() => undefined); // its caller is told
    return inserting;
  }

  async #insert(batch: InsertBatch): Promise<void> {
    const client = await this.#migrated();
    const { pause = delay } = this.#options;
    // The same for all tries, so that what an earlier one did reach is not written twice.
    const token = randomUUID();
    for (let tries = 1, pauseMs = QUORUM_TRIES.firstMs; ; tries++) {
      try {
        return await send(client, batch, token);
      } catch (error) {
        if (areTablesGone(error)) this.#ready = undefined;
        if (!isQuorumBusy(error) || tries === QUORUM_TRIES.count) {
          throw fromClickHouseInsertError(error, `insert ${batch.rows} rows into ${batch.table}`);
        }
      }
      await pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, QUORUM_TRIES.lastMs);
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
      // Also when the last batch was already there.
      signal?.throwIfAborted();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (areTablesGone(error)) this.#ready = undefined;
      throw fromClickHouseError(error, "run the query");
    } finally {
      leaving.abort();
    }
  }

  /** What is held. */
  async stats(): Promise<SpanStoreStats> {
    const { cluster } = this.#options;
    const [suffix, parts] =
      cluster === undefined ? ["", "system.parts"] : ["_local", `cluster('${cluster}', system.parts)`];
    const text = await this.#run(
      `SELECT sumIf(rows, table = 'spans${suffix}'), sumIf(rows, table = 'logs${suffix}'), sum(bytes_on_disk) FROM ${parts}
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

async function send(client: ClickHouseClient, { table, ipc }: InsertBatch, token: string): Promise<void> {
  const { stream } = await client.exec({
    query: `INSERT INTO ${DATABASE}.${table} (${insertColumns[table].join(", ")}) FORMAT ArrowStream`,
    values: Readable.from(ipc, { objectMode: false }),
    clickhouse_settings: { insert_deduplication_token: token },
  });
  const answer = await endOf(stream);
  // An insert has nothing to say; an error that befell it after the answer had begun stands in its body.
  if (answer !== "") throw parseError(answer);
}

/** A short answer as text. */
async function endOf(stream: AsyncIterable<unknown>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part as Uint8Array);
  return Buffer.concat(parts).toString();
}
