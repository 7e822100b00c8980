import type { ImmutableRows } from "./immutable-rows.ts";
import type { ReadPool } from "./read-pool.ts";

/** What the store's reads share. */
export interface ReadContext {
  readonly pool: ReadPool;
  readonly known: ImmutableRows;
  /** Microseconds since the epoch. */
  readonly nowUs: () => number;
  /** A runner not heard of for this long is shown as lost. */
  readonly runnerLostMs: number;
}
