import { DatabaseSync, type StatementSync } from "node:sqlite";
import { SpanloomError } from "@spanloom/protocol";

/** What SQLite stores and gives back. */
export type SqlValue = null | number | string | Uint8Array;

/** A row as an array, in the order of its SELECT. */
export type SqlRow = readonly SqlValue[];

const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/**
 * Every distinct SQL text is prepared once; the texts are a few dozen constants.
 *
 * I1. A transaction that writes nothing never begins: an idle runner's calls leave the file alone.
 */
export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();
  /** A transaction was asked for and has not written yet. */
  #due = false;

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { enableForeignKeyConstraints: false, timeout: 5_000 });
  }

  /** Runs statements without parameters or results. */
  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Begins a transaction, with its first statement that writes (I1). */
  begin(): void {
    this.#due = true;
  }

  /** Makes the transaction durable. */
  commit(): void {
    if (this.#due) this.#due = false;
    else this.#prepare("COMMIT").statement.run();
  }

  /** Runs one statement; returns how many rows it changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.#prepared(sql).run(...values).changes);
  }

  /** The first row, if any. */
  row(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.#prepared(sql).get(...values) as unknown as SqlRow | undefined;
  }

  /** All rows. */
  rows(sql: string, ...values: SqlValue[]): readonly SqlRow[] {
    return this.#prepared(sql).all(...values) as unknown as SqlRow[];
  }

  /** Undoes the open transaction, if there is one: some errors have undone it already. */
  rollback(): void {
    this.#due = false;
    if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
  }

  /** Closes the file. Safe to call twice. */
  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #prepared(sql: string): StatementSync {
    const { statement, reads } = this.#prepare(sql);
    if (this.#due && !reads) {
      this.#prepare("BEGIN IMMEDIATE").statement.run();
      this.#due = false;
    }
    return statement;
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#statements.get(sql);
    if (prepared === undefined) {
      prepared = { statement: this.#db.prepare(sql), reads: /^\s*SELECT\b/i.test(sql) };
      prepared.statement.setReturnArrays(true);
      this.#statements.set(sql, prepared);
    }
    return prepared;
  }
}

interface Prepared {
  statement: StatementSync;
  reads: boolean;
}

/** Primary SQLite result code of an error; undefined when SQLite did not raise it. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & 0xff;
}

/**
 * Whether an error tells of the machine (disk full, I/O, locks) rather than of one operation.
 *
 * Repeating the operations one by one would meet it again.
 */
export function isMachineError(error: unknown): boolean {
  const code = sqliteCode(error);
  return (
    code !== undefined && [SQLITE_BUSY, SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN].includes(code)
  );
}

/** Translates whatever a write met into the catalogue. */
export function toStoreError(error: unknown): SpanloomError {
  if (error instanceof SpanloomError) return error;
  const code = sqliteCode(error);
  const message = `cannot write to the control-plane store: ${error instanceof Error ? error.message : String(error)}`;
  if (code === SQLITE_FULL) return new SpanloomError("OVERLOADED", message, {}, { cause: error });
  const lasting = code === undefined || [SQLITE_CORRUPT, SQLITE_NOTADB].includes(code) || !isMachineError(error);
  return new SpanloomError(lasting ? "INTERNAL" : "STORE_UNAVAILABLE", message, {}, { cause: error });
}
