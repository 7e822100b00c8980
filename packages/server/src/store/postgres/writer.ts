import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Client } from "pg";
import { type DatabaseTarget, openConnection, PLAN_ONCE } from "./connection.ts";
import { isConnectionLost, isMachineError } from "./errors.ts";
import type { Statement } from "./statement.ts";
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
  text: "SELECT last_value + is_called::integer, (SELECT count(*) FROM server) FROM epoch",
};
/** Fails unless nobody else has written, and no other server come. */
const checkEpoch = {
  name: "check_epoch",
  text: `SELECT 1 / (last_value + is_called::integer = $1::bigint AND (SELECT count(*) FROM server) <= 1)::integer
    FROM epoch`,
};
const markCommit = {
  name: "mark_commit",
  text: "INSERT INTO commit_mark (epoch, writer) VALUES ($1::bigint, $2::uuid)",
};
const findMark = {
  name: "find_commit_mark",
  text: `SELECT EXISTS (SELECT 1 FROM commit_mark WHERE epoch = $1::bigint AND writer = $2::uuid), last_value
    FROM epoch`,
};
const forgetMarks = { name: "forget_commit_marks", text: "DELETE FROM commit_mark WHERE epoch <= $1::bigint" };
const drawEpoch = { name: "draw_epoch", text: "SELECT nextval('epoch')" };
const commit = { name: "commit", text: "COMMIT" };
const rollback = { name: "rollback", text: "ROLLBACK" };

/** Marks are looked for right after a connection was lost, before that many transactions can have been written. */
const MARKS_KEPT = 100_000;
/** So many are forgotten at once. */
const MARKS_FORGOTTEN = 1_000;

/**
 * The one connection that writes, and the transaction open on it.
 *
 * I1. Statements are sent without waiting for earlier ones, so what is written together costs one round trip, and those of
 *     one run of code one packet.
 * I2. A transaction begins by taking the store's lock and reading the epoch; the epoch is drawn when it writes.
 * I3. When the connection dies during COMMIT, the outcome is looked up by the mark it would have left before anyone is told.
 * I4. A hopeful transaction is begun without waiting: it goes out with its first statement, often as one packet from BEGIN
 *     to COMMIT, and fails as a whole when the record is not at the epoch it hoped for.
 */
export class Writer {
  readonly #target: DatabaseTarget;
  /** Names this writer in the marks of its commits: after its own COMMIT was lost, another may write at the same epoch. */
  readonly #id = randomUUID();
  #client: Client | undefined;
  #batches: StatementBatches | undefined;
  /** Of the open transaction. */
  #epoch: number | undefined;
  #isHopeful = false;
  #timedOut = false;
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

  /**
   * Begins a transaction under the store's lock; answers the epoch of the last one that wrote.
   *
   * With `hoped`, the epoch that memory equals, nothing is waited for as long as no other server is known of.
   */
  async begin(hoped?: number): Promise<number> {
    this.#isHopeful = false;
    this.#timedOut = false;
    this.#failure = undefined;
    const idle = this.#client;
    if (hoped !== undefined && idle !== undefined && this.#servers <= 1) return this.#hope(idle, hoped);
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
      batches.ask<[number, number]>(readEpoch, []),
    ]);
    const [epoch, servers] = row!;
    this.#epoch = epoch;
    this.#servers = servers;
    return epoch;
  }

  #hope(client: Client, epoch: number): number {
    this.#writes = false;
    this.#isHopeful = true;
    this.#epoch = epoch;
    this.#watch(client);
    const batches = this.#batches!;
    this.#note(batches.askLater(begin, []));
    this.#note(batches.askLater(takeLock, []));
    this.#note(batches.askLater(checkEpoch, [epoch]));
    return epoch;
  }

  /** Whether the open transaction was begun without waiting. */
  get isHopeful(): boolean {
    return this.#isHopeful;
  }

  /** Whether a transaction that failed, and left no trace, may fare better when it does not merely hope. */
  mayRunAgain(error: unknown): boolean {
    if (!this.#isHopeful || this.#timedOut) return false;
    // What comes after a statement that failed says only that it comes after it.
    const first = this.#failure ?? error;
    return isConnectionLost(first) || !isMachineError(first);
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
    return this.#note(this.#batches!.ask<SqlRow>(asked, values as readonly BoundValue[]));
  }

  #note<T>(sent: Promise<T>): Promise<T> {
    const told = sent.catch((error: unknown) => {
      throw this.#toCause(error);
    });
    told.catch(() => {});
    this.#sent.push(told);
    return told;
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
    if (this.#client === undefined) throw new Error("Connection terminated: no transaction is open");
    const batches = this.#batches!;
    const epoch = this.#epoch!;
    if (epoch % MARKS_FORGOTTEN === 0) this.#note(batches.ask(forgetMarks, [epoch - MARKS_KEPT]));
    this.#note(batches.ask(markCommit, [epoch, this.#id]));
    this.#note(batches.ask(drawEpoch, []));
    const committed = batches.ask(commit, []);
    committed.catch(() => {});
    try {
      // A statement that failed fails this, too.
      await this.#settled();
      await committed;
    } catch (error) {
      if (isConnectionLost(error) && (await this.#hasCommitted(epoch))) return;
      throw error;
    } finally {
      clearTimeout(this.#watchdog);
    }
  }

  /** Ends a transaction that wrote nothing. Fails when what it hoped for was not so. */
  async end(): Promise<void> {
    if (this.#client === undefined) throw new Error("Connection terminated: no transaction is open");
    this.#note(this.#batches!.ask(rollback, []));
    try {
      await this.#settled();
    } finally {
      clearTimeout(this.#watchdog);
    }
  }

  /** Undoes a transaction. */
  async rollback(): Promise<void> {
    this.#sent = [];
    clearTimeout(this.#watchdog);
    const client = this.#client;
    if (client === undefined) return;
    this.#watch(client);
    try {
      await this.#batches!.ask(rollback, []);
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
    this.#watchdog = setTimeout(() => {
      this.#timedOut = true;
      breakConnection(client);
    }, this.#times.answerMs).unref();
  }

  #forget(client: Client): void {
    if (this.#client === client) this.#client = undefined;
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) breakConnection(client);
  }

  /** Whether the transaction whose COMMIT was not answered took effect. Throws when that cannot be told. */
  async #hasCommitted(epoch: number): Promise<boolean> {
    const wasHopeful = this.#isHopeful;
    // As long as it is not known, nothing may run again.
    this.#isHopeful = false;
    this.#drop();
    this.#watch(await this.#connected());
    const batches = this.#batches!;
    // Its session may not have noticed yet: whoever gets the lock knows that it is over.
    const [, , [row]] = await Promise.all([
      batches.ask(begin, []),
      batches.ask(takeLock, []),
      batches.ask<[boolean, number]>(findMark, [epoch, this.#id]),
      batches.ask(rollback, []),
    ]);
    const [isMarked, last] = row!;
    if (!isMarked && last >= epoch + MARKS_KEPT) {
      throw new Error(`Connection terminated: whether transaction ${epoch} was committed is no longer known`);
    }
    this.#isHopeful = wasHopeful;
    return isMarked;
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

/** Nobody may look at the answer of a statement that was only sent; the transaction fails at its end in any case. */
function refused(): Promise<never> {
  const answer = Promise.reject(new Error("Connection terminated: no transaction is open"));
  answer.catch(() => {});
  return answer;
}
