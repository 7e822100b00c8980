import type { Duplex } from "node:stream";
import { type Client, type PoolClient, Query } from "pg";
import type { Statement } from "./statement.ts";
import { type BoundValue, WireMessages } from "./wire-messages.ts";

/** Turns a column's text into a value. */
type Parser = (text: string) => unknown;

type PlainStatement = Pick<Statement, "name" | "text">;

interface Entry {
  readonly statement: PlainStatement;
  readonly values: readonly BoundValue[];
  readonly resolve: (rows: never[]) => void;
  readonly reject: (error: unknown) => void;
  readonly rows: unknown[][];
  parsers: readonly Parser[];
  /** Whether the batch prepares its statement. */
  prepares: boolean;
}

const NO_PARSERS: readonly Parser[] = [];

/** A prepared statement: undefined until PostgreSQL has told its columns. */
type Prepared = readonly Parser[] | undefined;

/**
 * Prepared statements over one connection, sent in batches: what running code asks for until it is done travels as one
 * packet and is answered by one.
 *
 * `pg` by itself ends every statement with a Sync, at which PostgreSQL sends what it has, and has the columns described
 * each time: for the half dozen small statements of a transaction that was a third of the time of both.
 *
 * I1. Statements of a batch run in order; when one fails, those after it do not run and fail with it.
 */
export class StatementBatches {
  readonly #client: Client | PoolClient;
  readonly #prepared = new Map<string, Prepared>();
  #waiting: Entry[] = [];
  #isScheduled = false;

  constructor(client: Client | PoolClient) {
    this.#client = client;
  }

  /** Runs a statement with the batch of the running code; answers its rows as arrays. */
  ask<Row>(statement: PlainStatement, values: readonly BoundValue[]): Promise<Row[]> {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(() => this.flush());
    }
    return this.askLater(statement, values);
  }

  /** Runs a statement with whatever is asked for next. */
  askLater<Row>({ name, text }: PlainStatement, values: readonly BoundValue[]): Promise<Row[]> {
    return new Promise<Row[]>((resolve, reject) => {
      const statement = { name, text };
      this.#waiting.push({ statement, values, resolve, reject, rows: [], parsers: NO_PARSERS, prepares: false });
    });
  }

  /** Sends what was asked for so far. */
  flush(): void {
    this.#isScheduled = false;
    const entries = this.#waiting;
    if (entries.length === 0) return;
    this.#waiting = [];
    this.#client.query(new Batch(this.#client, this.#prepared, entries));
  }
}

/** What `pg` calls while it runs a batch, which it takes for one query: it pipelines none but its own. */
class Batch extends Query {
  readonly #client: Client | PoolClient;
  readonly #prepared: Map<string, Prepared>;
  readonly #entries: readonly Entry[];
  #current = 0;

  constructor(client: Client | PoolClient, prepared: Map<string, Prepared>, entries: readonly Entry[]) {
    super("");
    this.#client = client;
    this.#prepared = prepared;
    this.#entries = entries;
  }

  override submit = ({ stream }: { stream: Duplex }): void => {
    const messages = new WireMessages();
    for (const entry of this.#entries) {
      const { statement, values } = entry;
      const { name, text } = statement;
      entry.prepares = !this.#prepared.has(name);
      if (entry.prepares) {
        messages.prepare(name, text);
        this.#prepared.set(name, undefined);
      }
      messages.bind(name, values);
      // Until an answer was seen, each asks: the first may fail before it is described.
      if (this.#prepared.get(name) === undefined) messages.describe();
      messages.execute();
    }
    messages.sync();
    stream.write(messages.bytes());
  };

  handleRowDescription({ fields }: { fields: readonly { dataTypeID: number }[] }): void {
    const parsers = fields.map(({ dataTypeID }) => this.#client.getTypeParser(dataTypeID, "text") as Parser);
    const entry = this.#entries[this.#current]!;
    this.#prepared.set(entry.statement.name, parsers);
    entry.parsers = parsers;
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const entry = this.#entries[this.#current]!;
    if (entry.rows.length === 0) entry.parsers = this.#prepared.get(entry.statement.name) ?? entry.parsers;
    const { parsers } = entry;
    const row = new Array<unknown>(fields.length);
    for (let i = 0; i < fields.length; i++) {
      const text = fields[i]!;
      row[i] = text === null ? null : parsers[i]!(text);
    }
    entry.rows.push(row);
  }

  handleCommandComplete(): void {
    const { statement, resolve, rows } = this.#entries[this.#current++]!;
    // Not described: it has no rows.
    if (this.#prepared.get(statement.name) === undefined) this.#prepared.set(statement.name, NO_PARSERS);
    resolve(rows as never[]);
  }

  /** Whether PostgreSQL prepared the statements of those that failed is not known: they are prepared anew. */
  handleError(error: unknown): void {
    for (const { statement, prepares, reject } of this.#entries.slice(this.#current)) {
      if (prepares) this.#prepared.delete(statement.name);
      reject(error);
    }
    this.#current = this.#entries.length;
  }

  handleReadyForQuery(): void {}

  handleEmptyQuery(): void {}
}
