import type { Duplex } from "node:stream";
import type { Client } from "pg";
import { type DatabaseTarget, openConnection, PLAN_ONCE } from "./connection.ts";
import { isConnectionLost } from "./errors.ts";
import { type Statement, statement } from "./statement.ts";
import { StatementBatches } from "./statement-batches.ts";
import { TAKE_STORE_LOCK } from "./store-lock.ts";
import type { BoundValue } from "./wire-messages.ts";

/** A value as `pg` gives it back: bigint as number, bytea as bytes. */
export type SqlValue = null | number | string | boolean | Uint8Array | readonly number[];

/** A row as an array, in the order of its SELECT. */
export type SqlRow = readonly SqlValue[];

/** How long the writer waits, in milliseconds. A transaction takes a few. */
export interface WriterTimes {
  /** PostgreSQL ends the session of a server that is frozen in a transaction, and so gives the lock to others. */
  idleInTransactionMs: number;
  /** For the store's lock. */
  lockMs: number;
  statementMs: number;
  /** For PostgreSQL to answer at all: a network that swallows packets breaks no connection for a quarter of an hour. */
  answerMs: number;
}

const TIMES: WriterTimes = { idleInTransactionMs: 5_000, lockMs: 15_000, statementMs: 30_000, answerMs: 45_000 };

const begin = { name: "begin", text: "BEGIN ISOLATION LEVEL READ COMMITTED" };
const takeLock = { name: "take_lock", text: TAKE_STORE_LOCK };
const readEpoch = {
  name: "read_epoch",
  text: `SELECT last_value + is_called::integer, pg_current_xact_id()::text, (SELECT count(*) FROM server) FROM epoch`,
};
const drawEpoch = { name: "draw_epoch", text: "SELECT nextval('epoch')" };
const commit = { name: "commit", text: "COMMIT" };

const transactionStatus = statement("transaction_status", "SELECT pg_xact_status($1::text::xid8)");

/**
 * The one connection that writes, and the transaction open on it.
 *
 * I1. Statements are sent without waiting for earlier ones, so what is written together costs one round trip, and those of
 *     one run of code one packet.
 * I2. A transaction begins by taking the store's lock and reading the epoch; the epoch is drawn when it writes.
 * I3. When the connection dies during COMMIT, the outcome is looked up by the transaction's number before anyone is told.
 */
export class Writer {
  readonly #target: DatabaseTarget;
  #client: Client | undefined;
  #batches: StatementBatches | undefined;
  #xid: string | undefined;
  #sent: Promise<unknown>[] = [];
  #writes = false;
  /** What failed first in the open transaction. */
  #failure: unknown;
  #servers = 0;
  readonly #times: WriterTimes;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(target: DatabaseTarget, times: Partial<WriterTimes> = {}) {
    this.#target = target;
    this.#times = { ...TIMES, ...times };
  }

  /** Begins a transaction under the store's lock; answers the epoch of the last one that wrote. */
  async begin(): Promise<number> {
    const idle = this.#client;
    try {
      return await this.#beginOn(await this.#connected());
    } catch (error) {
      // A connection that broke while it was idle has done nothing yet: a new one may do better.
      if (idle === undefined || !isConnectionLost(error)) throw error;
      this.#drop();
      return this.#beginOn(await this.#connected());
    }
  }

  async #beginOn(client: Client): Promise<number> {
    this.#writes = false;
    this.#failure = undefined;
    this.#watch(client);
    const batches = this.#batches!;
    // The lock comes first: what is read under it must be as the last writer left it.
    const [, , [row]] = await Promise.all([
      batches.ask(begin, []),
      batches.ask(takeLock, []),
      batches.ask<[number, string, number]>(readEpoch, []),
    ]);
    const [epoch, xid, servers] = row!;
    this.#xid = xid;
    this.#servers = servers;
    return epoch;
  }

  /** How many servers listen, as of the open transaction. */
  get servers(): number {
    return this.#servers;
  }

  /** Whether the open transaction has anything to commit. */
  get hasSent(): boolean {
    return this.#writes;
  }

  /** Sends a statement that writes. The promise may be ignored: {@link commit} fails when the statement did. */
  send(written: Statement, values: readonly unknown[]): Promise<readonly SqlRow[]> {
    this.#writes = true;
    return this.ask(written, values);
  }

  /** Sends a statement that only reads. */
  ask(asked: Statement, values: readonly unknown[]): Promise<readonly SqlRow[]> {
    if (this.#client === undefined) return refused();
    const rows = this.#batches!.ask<SqlRow>(asked, values as readonly BoundValue[]).catch((error: unknown) => {
      throw this.#toCause(error);
    });
    rows.catch(() => {});
    this.#sent.push(rows);
    return rows;
  }

  /** What failed first: PostgreSQL refuses everything after it, whether it is wrong or not. */
  #toCause(error: unknown): unknown {
    if ((error as { code?: unknown }).code === FAILED_TRANSACTION) return this.#failure ?? error;
    this.#failure ??= error;
    return error;
  }

  async #settled(): Promise<void> {
    const sent = this.#sent;
    this.#sent = [];
    await Promise.all(sent);
  }

  /** Commits what was sent, all in one round trip. */
  async commit(): Promise<void> {
    const client = this.#client;
    if (client === undefined) throw new Error("Connection terminated: no transaction is open");
    const batches = this.#batches!;
    const committed = Promise.all([batches.ask(drawEpoch, []), batches.ask(commit, [])]);
    committed.catch(() => {});
    try {
      // A statement that failed fails this, too.
      await this.#settled();
      await committed;
    } catch (error) {
      if (isConnectionLost(error) && (await this.#hasCommitted())) return;
      throw error;
    } finally {
      this.#xid = undefined;
      clearTimeout(this.#watchdog);
    }
  }

  /** Ends a transaction that wrote nothing, or undoes it. */
  async rollback(): Promise<void> {
    this.#sent = [];
    this.#xid = undefined;
    clearTimeout(this.#watchdog);
    const client = this.#client;
    if (client === undefined) return;
    this.#watch(client);
    try {
      this.#batches?.flush();
      await client.query("ROLLBACK");
    } catch (error) {
      this.#drop();
      throw error;
    } finally {
      clearTimeout(this.#watchdog);
    }
  }

  /** Closes the connection. Safe to call twice. */
  async close(): Promise<void> {
    clearTimeout(this.#watchdog);
    const client = this.#client;
    this.#client = undefined;
    // A connection that is broken already has nothing left to close.
    await client?.end().catch(() => {});
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await openConnection(this.#target, {
      purpose: "writer",
      pipeline: true,
      statementTimeoutMs: this.#times.statementMs,
      lockTimeoutMs: this.#times.lockMs,
      idleInTransactionTimeoutMs: this.#times.idleInTransactionMs,
    });
    client.once("error", () => this.#forget(client));
    client.once("end", () => this.#forget(client));
    await client.query(PLAN_ONCE);
    this.#client = client;
    this.#batches = new StatementBatches(client);
    return client;
  }

  /** Breaks the connection when the open transaction takes too long; everything that waits for an answer then fails. */
  #watch(client: Client): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => breakConnection(client), this.#times.answerMs).unref();
  }

  #forget(client: Client): void {
    if (this.#client === client) this.#client = undefined;
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) breakConnection(client);
  }

  /** Whether the transaction whose COMMIT was not answered took effect. Throws when PostgreSQL cannot be asked. */
  async #hasCommitted(): Promise<boolean> {
    const xid = this.#xid;
    this.#drop();
    if (xid === undefined) return false;
    for (let tries = 0; tries < STATUS_TRIES; tries++) {
      const client = await this.#connected();
      const { rows } = await client.query({ ...transactionStatus, values: [xid], rowMode: "array" });
      const status = (rows as unknown as [[string | null]])[0][0];
      if (status !== "in progress") return status === "committed";
      await client.query("SELECT pg_sleep(0.1)");
    }
    return false;
  }
}

/** The code of statements sent after one that failed. */
const FAILED_TRANSACTION = "25P02";

/** `pg` itself only says goodbye, which a peer that is gone never answers. */
function breakConnection(client: Client): void {
  streamOf(client).destroy(new Error("Connection terminated: PostgreSQL did not answer in time"));
}

/** The socket, which `pg` does not show. */
function streamOf(client: Client): Duplex {
  return (client as unknown as { connection: { stream: Duplex } }).connection.stream;
}

/** A session that lost its client ends within the time it may idle in a transaction. */
const STATUS_TRIES = 60;

/** Nobody may look at the answer of a statement that was only sent; the transaction fails at its end in any case. */
function refused(): Promise<never> {
  const answer = Promise.reject(new Error("Connection terminated: no transaction is open"));
  answer.catch(() => {});
  return answer;
}
