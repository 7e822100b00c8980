import { Pool, type PoolClient } from "pg";
import { clientConfig, type DatabaseTarget, PLAN_ANEW, PLAN_ONCE } from "./connection.ts";
import type { Statement } from "./statement.ts";
import { StatementBatches } from "./statement-batches.ts";
import type { BoundValue } from "./wire-messages.ts";

/** A value of a row: `bigint` columns are numbers, `bytea` are bytes, `uuid` are strings. */
export type SqlValue =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly number[]
  | Readonly<Record<string, string>>;

/** The columns of a row, in the order they were asked for. */
export type SqlRow = readonly SqlValue[];

/** What may be bound to a parameter. */
export type SqlParameter = SqlValue | readonly string[];

/** Runs statements that change nothing. */
export interface Reader {
  rows(statement: Statement, ...values: readonly SqlParameter[]): Promise<readonly SqlRow[]>;
}

/** Reads beside the writer. More would only take processor time from it; a read seldom takes a millisecond. */
const MAX_CONNECTIONS = 4;
const IDLE_MS = 60_000;
/** A listing over millions of jobs may take seconds, not minutes. */
const STATEMENT_TIMEOUT_MS = 60_000;

/** Where {@link ReadPool} reads, and who translates its errors. */
export interface ReadPoolOptions {
  target: DatabaseTarget;
  toError(error: unknown): Error;
  onNotice?: ((message: string) => void) | undefined;
}

/**
 * Connections for reads, opened as they are needed.
 *
 * Concurrency: any number of reads at a time; at most four run, the others wait for their turn.
 */
export class ReadPool implements Reader {
  readonly #pool: Pool;
  readonly #batches = new WeakMap<PoolClient, StatementBatches>();
  readonly #toError: (error: unknown) => Error;

  constructor({ target, toError, onNotice }: ReadPoolOptions) {
    const config = clientConfig(target, {
      purpose: "reader",
      pipeline: true,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
    this.#pool = new Pool({ ...config, max: MAX_CONNECTIONS, idleTimeoutMillis: IDLE_MS });
    this.#toError = toError;
    // A connection that breaks is replaced when the next read needs one: idle ones tell the pool, those in use fail their
    // statements and then tell nobody but themselves, which would end the process.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    if (onNotice) this.#pool.on("connect", (client) => client.on("notice", ({ message }) => onNotice(message ?? "")));
  }

  /** Runs one statement. */
  async rows(statement: Statement, ...values: readonly SqlParameter[]): Promise<readonly SqlRow[]> {
    return this.#use((client) => this.#run(client, statement, values));
  }

  /** Runs statements that all see the record at one moment. */
  async snapshot<T>(read: (reader: Reader) => Promise<T>): Promise<T> {
    return this.#use(async (client) => {
      // Sent ahead of the first statement without waiting; should it fail, so does that one.
      const begun = this.#batchesOf(client).ask(begin, []);
      begun.catch(() => {});
      try {
        return await read({ rows: (statement, ...values) => this.#run(client, statement, values) });
      } finally {
        await this.#batchesOf(client).ask(commit, []);
      }
    });
  }

  /** Waits for reads under way and closes. Safe to call twice. */
  async stop(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end();
  }

  async #use<T>(read: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    let broken = false;
    try {
      client = await this.#pool.connect();
      return await read(client);
    } catch (error) {
      const translated = this.#toError(error);
      // What the caller threw itself says nothing about the connection.
      broken = translated !== error;
      throw translated;
    } finally {
      client?.release(broken);
    }
  }

  async #run(client: PoolClient, statement: Statement, values: readonly SqlParameter[]): Promise<readonly SqlRow[]> {
    const batches = this.#batchesOf(client);
    if (statement.prepared) return batches.ask<SqlRow>(statement, values as readonly BoundValue[]);
    batches.flush();
    const { text } = statement;
    const [, { rows }] = await Promise.all([
      client.query(PLAN_ANEW),
      client.query<SqlValue[]>({ text, values: values as SqlParameter[], rowMode: "array" as const }),
      client.query(PLAN_ONCE),
    ]);
    return rows;
  }

  #batchesOf(client: PoolClient): StatementBatches {
    const known = this.#batches.get(client);
    if (known !== undefined) return known;
    const batches = new StatementBatches(client);
    this.#batches.set(client, batches);
    // Should it fail, so does what follows over this connection.
    client.query(PLAN_ONCE).catch(() => {});
    return batches;
  }
}

const begin = { name: "begin_snapshot", text: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" };
const commit = { name: "commit_snapshot", text: "COMMIT" };
