import { accessSync, constants, mkdirSync, readdirSync, rmSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SpanloomError } from "@spanloom/protocol";
import { tableFromIPC } from "apache-arrow";
import { drainPending, Session } from "chdb";
import { logColumns, spanColumns } from "../../columns/span-columns.ts";
import { fromEngineError, fromInsertError } from "../engine-error.ts";
import { migrate } from "../migrate.ts";
import { DATABASE } from "../schema.sql.ts";
import type { ArrowBatch, InsertBatch, SpanStore, SpanStoreStats, Statement } from "../span-store.ts";
import { cleanOften } from "./clean-often.ts";
import { folderHolder } from "./folder-holder.ts";
import { insertStatement } from "./insert.ts";
import { prefetched } from "./prefetched.ts";
import { raisePoolThreads } from "./raise-pool-threads.ts";
import { SessionPool } from "./session-pool.ts";
import { type ChdbLimits, connectionArgs, defaultChdbLimits, scanSettings } from "./settings.ts";

/** Streams that may be open at once; a slow reader holds one. */
const MAX_STREAMS = 8;

const DEFAULT_RETENTION_DAYS = 30;

/** Where and how the embedded store lives. */
export interface ChdbSpanStoreOptions extends Partial<ChdbLimits> {
  /** Folder of the data; made when missing. One process may use it. */
  dataDir: string;
  /** Days a span or log record is kept after it started. Default 30. */
  retentionDays?: number;
}

const insertColumns = { spans: Object.keys(spanColumns()), logs: Object.keys(logColumns()) };

/**
 * Spans and logs in ClickHouse's engine inside this process.
 *
 * I1. One process, one folder: opening a second folder in the process, or the folder from a second process, fails.
 * I2. Inserts run one after the other; each is one block, so it is in the store whole or not at all within a day.
 * I3. Nothing is closed while the engine still works for us.
 * I4. No query begins on a thread that an insert or a merge left at its lower priority, but while an insert runs.
 */
export class ChdbSpanStore implements SpanStore {
  readonly retentionDays: number;
  readonly #options: ChdbSpanStoreOptions;
  readonly #dataDir: string;
  readonly #incoming: string;
  #writer: Session | undefined;
  #pool: SessionPool | undefined;
  #inserting: Promise<unknown> = Promise.resolve();
  #isInserting = false;
  #inserted = 0;

  constructor(options: ChdbSpanStoreOptions) {
    this.#options = options;
    this.retentionDays = options.retentionDays ?? DEFAULT_RETENTION_DAYS;
    this.#dataDir = resolve(options.dataDir);
    this.#incoming = join(this.#dataDir, "incoming");
  }

  /** Opens and migrates. */
  async start(): Promise<void> {
    if (this.#writer) return;
    const open = () => new Session(this.#dataDir, { connectionArgs: connectionArgs(this.#limits()) });
    try {
      // Made before the engine opens the folder, as it would not say that it may not write to it.
      mkdirSync(this.#incoming, { recursive: true });
      accessSync(this.#incoming, constants.W_OK);
      this.#writer = open();
      // What a crash left half-written is still in the spool. Only now is it known that no other process is at work here.
      for (const name of readdirSync(this.#incoming)) rmSync(join(this.#incoming, name));
      this.#pool = new SessionPool(open, MAX_STREAMS);
      const run = (sql: string) => this.#run(sql);
      await migrate(run, {}, this.retentionDays);
      await cleanOften(run);
    } catch (error) {
      await this.stop();
      if (error instanceof SpanloomError) throw error;
      const holder = folderHolder(this.#dataDir);
      const said = error instanceof Error ? error.message : String(error);
      const why = holder === undefined ? said : `process ${holder} has it open`;
      throw new SpanloomError(
        "INVALID_STATE",
        `cannot open the telemetry store in "${this.#dataDir}": ${why}`,
        {},
        { cause: error },
      );
    }
  }

  /** Finishes running statements and closes. Safe to call twice. */
  async stop(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await this.#inserting.catch(() => undefined); // the inserter has been told
    this.#pool?.close();
    writer?.close();
    await drainPending();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Inserts a batch. */
  insert(batch: InsertBatch): Promise<void> {
    const inserting = this.#inserting.then(
      () => this.#insert(batch),
      () => this.#insert(batch),
    );
    this.#inserting = inserting;
    return inserting;
  }

  async #insert(batch: InsertBatch): Promise<void> {
    if (batch.rows === 0) return;
    const path = join(this.#incoming, `${++this.#inserted}.arrow`);
    try {
      await writeParts(path, batch.ipc);
      await this.#runInsert(insertStatement(batch.table, insertColumns[batch.table], path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") {
        throw new SpanloomError("OVERLOADED", `cannot insert ${batch.table}: the disk is full`, {}, { cause: error });
      }
      throw fromInsertError(error, `insert ${batch.rows} rows into ${batch.table}`);
    } finally {
      await rm(path, { force: true });
    }
  }

  async #runInsert(sql: string): Promise<void> {
    this.#isInserting = true;
    try {
      await this.#run(sql);
    } finally {
      this.#isInserting = false;
      raisePoolThreads();
    }
  }

  /** Runs a query and streams its rows. */
  async *stream(statement: Statement, signal?: AbortSignal): AsyncIterable<ArrowBatch> {
    const pool = this.#pool;
    if (!this.#writer || !pool) throw closed();
    const session = await pool.acquire();
    let isUsable = true;
    try {
      signal?.throwIfAborted();
      if (!this.#isInserting) raisePoolThreads();
      const sql = statement.scans ? `${statement.sql}\nSETTINGS ${scanSettings(this.#limits())}` : statement.sql;
      if (statement.isSmall) {
        yield await wholeAnswer(session, { ...statement, sql });
        return;
      }
      const running = session.queryStreamBind(sql, statement.params, { format: "ArrowStream" });
      yield* prefetched(running, signal);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      // What a query had written when it failed comes out before the answer of the session's next one.
      isUsable = false;
      throw fromEngineError(error, "run the query");
    } finally {
      if (isUsable) pool.release(session);
      else pool.discard(session);
    }
  }

  /** What is held. */
  async stats(): Promise<SpanStoreStats> {
    const text = await this.#run(
      `SELECT sumIf(rows, table = 'spans'), sumIf(rows, table = 'logs'), sum(bytes_on_disk) FROM system.parts
WHERE active AND database = '${DATABASE}'`,
    );
    const [spans = 0, logs = 0, bytesOnDisk = 0] = text.trim().split("\t").map(Number);
    return { spans, logs, bytesOnDisk };
  }

  #limits(): ChdbLimits {
    const { maxMemoryBytes, maxThreads } = { ...defaultChdbLimits, ...this.#options };
    return { maxMemoryBytes, maxThreads };
  }

  async #run(sql: string): Promise<string> {
    if (!this.#writer) throw closed();
    return (await this.#writer.queryAsync(sql, { format: "TabSeparated" })).text();
  }
}

/**
 * Computes an answer in a thread of the process's pool. A stream is planned in the caller's, and planning computes what `IN`
 * asks for in subqueries: 60 to 100 ms for a page of 8,192 spans, in which the server would answer nobody.
 * Such statements run one after the other, whatever their session, so it is for short ones.
 */
async function wholeAnswer(session: Session, { sql, params }: Statement): Promise<ArrowBatch> {
  const answer = await session.queryBindAsync(sql, params, { format: "ArrowStream" });
  const ipc = answer.bytes();
  return { ipc, rows: tableFromIPC(ipc).numRows };
}

/** Writes parts end to end. Errors: ENOSPC, also when the disk took some of them. */
async function writeParts(path: string, parts: readonly Uint8Array[]): Promise<void> {
  await using file = await open(path, "w");
  const { bytesWritten } = await file.writev(parts as Uint8Array<ArrayBuffer>[]);
  const wanted = parts.reduce((sum, part) => sum + part.length, 0);
  if (bytesWritten === wanted) return;
  const message = `wrote ${bytesWritten} of ${wanted} bytes to "${path}"`;
  throw Object.assign(new Error(message), { code: "ENOSPC" });
}

function closed(): SpanloomError {
  return new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot use the telemetry store: it is not open");
}
