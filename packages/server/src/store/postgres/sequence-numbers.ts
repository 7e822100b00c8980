import { statement } from "./statement.ts";
import type { SqlRow, Writer } from "./writer.ts";

const names = ["job", "group", "task", "spec", "bucket", "runner", "lease", "gate", "firing", "event"] as const;

/** What rows are numbered by. */
export type SequenceName = (typeof names)[number];

const readSequences = statement(
  "read_sequences",
  names.map((name) => `SELECT '${name}', last_value + is_called::integer FROM ${name}_seq`).join(" UNION ALL "),
);
const moveSequence = statement("move_sequence", "SELECT setval($1::text::regclass, $2::bigint)");

/** A sequence is moved by at least this much: as long as nobody else writes, most transactions need not move any. */
const BLOCK = 1_000;

/**
 * Row numbers.
 *
 * Blocks are reserved under the store's lock and used up only while no other server writes; so a higher number was always
 * given later. What is left of a block when another server has written is lost, as are numbers of a rolled-back
 * transaction.
 */
export class SequenceNumbers {
  readonly #next = new Map<SequenceName, number>();
  readonly #end = new Map<SequenceName, number>();
  readonly #moved = new Set<SequenceName>();

  /** Asks for the sequences as they stand. */
  async reload(sql: Writer): Promise<void> {
    this.#moved.clear();
    const rows: readonly SqlRow[] = await sql.ask(readSequences, []);
    for (const [name, next] of rows as readonly [SequenceName, number][]) {
      this.#next.set(name, next);
      this.#end.set(name, next);
    }
  }

  /** Number the next row will get. */
  peek(name: SequenceName): number {
    return this.#next.get(name)!;
  }

  /** Takes `count` consecutive numbers; answers the first. */
  take(name: SequenceName, count = 1): number {
    const first = this.peek(name);
    const next = first + count;
    this.#next.set(name, next);
    if (next > this.#end.get(name)!) {
      this.#end.set(name, next + BLOCK);
      this.#moved.add(name);
    }
    return first;
  }

  /** Writes what was reserved. */
  flush(sql: Writer): void {
    for (const name of this.#moved) sql.send(moveSequence, [`${name}_seq`, this.#end.get(name)! - 1]);
    this.#moved.clear();
  }
}
