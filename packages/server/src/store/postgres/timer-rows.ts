import { bulkInsert, Rows } from "./bulk.ts";
import type { Writer } from "./writer.ts";

const columns = { at: "bigint", first: "bigint", last: "bigint" };
const insertInto = (table: string) =>
  bulkInsert(table, columns, { onConflict: `(at, first) DO UPDATE SET last = greatest(${table}.last, excluded.last)` });
const inserts = { timer: insertInto("timer"), queue_timer: insertInto("queue_timer") };

/** Times at which consecutive tasks are to be looked at. Tasks may become ready, or be put off, twice in one transaction. */
export class TimerRows {
  readonly #timers = new Map<string, [atUs: number, first: number, last: number]>();
  readonly #rows: Rows;

  /** Takes the name of the table. */
  constructor(table: keyof typeof inserts) {
    this.#rows = new Rows(inserts[table]);
  }

  /** The tasks `first`..`last` are to be looked at. */
  add(atUs: number, first: number, last: number): void {
    const key = `${atUs} ${first}`;
    this.#timers.set(key, [atUs, first, Math.max(last, this.#timers.get(key)?.[2] ?? last)]);
  }

  /** Sends what was added. */
  sendTo(sql: Writer): void {
    for (const timer of this.#timers.values()) this.#rows.add(...timer);
    this.#timers.clear();
    this.#rows.sendTo(sql);
  }

  /** Forgets what was added. */
  clear(): void {
    this.#timers.clear();
    this.#rows.clear();
  }
}
