import type { NewTaskSpec } from "../store.ts";
import type { Reader, SqlRow } from "./read-pool.ts";
import { type Statement, statement } from "./statement.ts";

/** A spec as stored: with nothing left to inherit. */
export type StoredSpec = NewTaskSpec & { readonly queue: string; readonly priority: number };

const specsBySeq = statement("specs_by_seq", "SELECT seq, body FROM spec WHERE seq = ANY($1::bigint[])");
const runnersBySeq = statement("runners_by_seq", "SELECT seq, id FROM runner WHERE seq = ANY($1::bigint[])");

const MAX_CACHED = 20_000;

/** Rows that never change once they are committed, whoever wrote them: specs, and ids of runners. */
export class ImmutableRows {
  readonly #specs = new Cache(specsBySeq, ([, body]) => JSON.parse(body as string) as StoredSpec);
  readonly #runnerIds = new Cache(runnersBySeq, ([, id]) => id as string);

  /** Specs by number. */
  specs(reader: Reader, seqs: Iterable<number>): Promise<ReadonlyMap<number, StoredSpec>> {
    return this.#specs.get(reader, seqs);
  }

  /** Ids of runners by number. */
  runnerIds(reader: Reader, seqs: Iterable<number>): Promise<ReadonlyMap<number, string>> {
    return this.#runnerIds.get(reader, seqs);
  }
}

class Cache<T> {
  readonly #statement: Statement;
  readonly #decode: (row: SqlRow) => T;
  readonly #known = new Map<number, T>();

  constructor(bySeq: Statement, decode: (row: SqlRow) => T) {
    this.#statement = bySeq;
    this.#decode = decode;
  }

  async get(reader: Reader, seqs: Iterable<number>): Promise<ReadonlyMap<number, T>> {
    const found = new Map<number, T>();
    const missing: number[] = [];
    for (const seq of new Set(seqs)) {
      const known = this.#known.get(seq);
      if (known === undefined) missing.push(seq);
      else found.set(seq, known);
    }
    if (missing.length === 0) return found;
    if (this.#known.size + missing.length > MAX_CACHED) this.#known.clear();
    for (const row of await reader.rows(this.#statement, missing)) {
      const value = this.#decode(row);
      this.#known.set(row[0] as number, value);
      found.set(row[0] as number, value);
    }
    return found;
  }
}
