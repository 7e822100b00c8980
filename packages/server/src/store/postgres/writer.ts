import type { Duplex } from "node:stream";
import type { Client, QueryArrayResult, QueryResult } from "pg";
import { type DatabaseTarget, openConnection } from "./connection.ts";
import { isConnectionLost } from "./errors.ts";
import { type Statement, statement } from "./statement.ts";
import { TAKE_STORE_LOCK } from "./store-lock.ts";

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

/**
 * The store's statements are few and each is always served by the same indexes: planning them anew costs more than running
 * them (0.93 against 0.58 ms for a small transaction). As they are planned when tables may be empty, they are kept from
 * anything that suits empty tables alone: a chain step over 100,000 tasks took 16 ms instead of 1.
 */
const PLAN_ONCE = `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;
  SET enable_mergejoin = off; SET jit = off`;

/** The lock comes first: what is read under it must be as the last writer left it. */
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED; ${TAKE_STORE_LOCK};
  SELECT last_value + is_called::integer AS epoch, pg_current_xact_id()::text AS xid,
  (SELECT count(*) FROM server) AS servers FROM epoch`;

const transactionStatus = statement("transaction_status", "SELECT pg_xact_status($1::text::xid8)");

/**
 * The one connection that writes, and the transaction open on it.
 *
 * I1. Statements are sent without waiting for earlier ones, so what is written together costs one round trip.
 * I2. A transaction begins by taking the store's lock and reading the epoch; the epoch is drawn when it writes.
 * I3. When the connection dies during COMMIT, the outcome is looked up by the transaction's number before anyone is told.
 */
export class Writer {
  readonly #target: DatabaseTarget;
  #client: Client | undefined;
  #xid: string | undefined;
  #sent: Promise<unknown>[] = [];
  #writes = false;
  #servers = 0;
  #gathering = false;
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
    this.#watch(client);
    const results = (await client.query(BEGIN)) as unknown as QueryResult[];
    const row = results.at(-1)!.rows[0] as { epoch: number; xid: string; servers: number };
    this.#xid = row.xid;
    this.#servers = row.servers;
    return row.epoch;
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
  ask({ name, text }: Statement, values: readonly unknown[]): Promise<readonly SqlRow[]> {
    const client = this.#client;
    if (client === undefined) return refused();
    this.#gather(client);
    const result: Promise<QueryArrayResult<SqlValue[]>> = client.query({
      name,
      text,
      values: values as unknown[],
      rowMode: "array",
    });
    const rows = result.then((answer) => answer.rows);
    rows.catch(() => {});
    this.#sent.push(rows);
    return rows;
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
    this.#gather(client);
    const commit = client.query("SELECT nextval('epoch'); COMMIT");
    commit.catch(() => {});
    try {
      // A statement that failed fails this, too.
      await this.#settled();
      await commit;
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
    return client;
  }

  /** Holds back what is sent until the running code is done, so that all of it is one packet and not one each. */
  #gather(client: Client): void {
    if (this.#gathering) return;
    this.#gathering = true;
    const stream = streamOf(client);
    stream.cork();
    queueMicrotask(() => {
      this.#gathering = false;
      stream.uncork();
    });
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
