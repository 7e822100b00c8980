import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SpanloomError } from "@spanloom/protocol";
import { makeFolder } from "../../make-folder.ts";
import { Database, sqliteCode } from "./database.ts";
import { whyNotWritable } from "./write-access.ts";

const SQLITE_BUSY = 5;

/**
 * Holds a data folder for one process.
 *
 * The lock is an open exclusive transaction on the SQLite file `lock`: the kernel releases it with the process, however
 * that ends, so a stale lock cannot exist. `lock.pid` only serves the message of whoever comes second.
 */
export class DataLock {
  readonly #dataDir: string;
  #db: Database | undefined;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** Creates the folder if need be and takes the lock. Errors: INVALID_STATE when it is held or cannot be written. */
  acquire(): void {
    const db = this.#open();
    try {
      db.exec("PRAGMA busy_timeout = 0");
      db.exec("BEGIN EXCLUSIVE");
      writeFileSync(this.#pidPath, String(process.pid));
    } catch (error) {
      db.close();
      throw sqliteCode(error) === SQLITE_BUSY ? this.#held(error) : this.#unwritable(error);
    }
    this.#db = db;
  }

  /** Gives the folder up. Safe to call twice. */
  release(): void {
    if (this.#db === undefined) return;
    rmSync(this.#pidPath, { force: true });
    this.#db.close();
    this.#db = undefined;
  }

  get #pidPath(): string {
    return join(this.#dataDir, "lock.pid");
  }

  #open(): Database {
    try {
      makeFolder(this.#dataDir);
      return new Database(join(this.#dataDir, "lock"));
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  #held(cause: unknown): SpanloomError {
    const holder = this.#holder();
    const message = `cannot open data folder ${this.#dataDir}: another process has it open${holder && ` (pid ${holder})`}`;
    return new SpanloomError("INVALID_STATE", message, { metadata: { pid: holder } }, { cause });
  }

  #holder(): string {
    try {
      return readFileSync(this.#pidPath, "utf8").trim();
    } catch {
      // The message does without: the holder may be starting or stopping just now.
      return "";
    }
  }

  #unwritable(cause: unknown): SpanloomError {
    const told = cause instanceof Error ? cause.message : String(cause);
    const files = [join(this.#dataDir, "lock"), this.#pidPath];
    const why = files.map(whyNotWritable).find((reason) => reason !== undefined) ?? told;
    return new SpanloomError("INVALID_STATE", `cannot write to data folder ${this.#dataDir}: ${why}`, {}, { cause });
  }
}
