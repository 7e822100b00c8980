import { type IdGenerator, isUuid } from "@spanloom/protocol";

/**
 * Ids of the tasks of one group: `prefix`, then `base + index` as 12 hex digits.
 *
 * I1. Every id is a UUIDv7, and no two tasks share their low 8 bytes, which are their span id, but by the chance of
 *     62 random bits.
 * I2. Ids of one group sort in creation order.
 */
export interface IdRange {
  /** First 24 characters of every id. */
  prefix: string;
  /** Last 12 digits of the first id, as a number. */
  base: number;
}

const PREFIX_LENGTH = 24;
/** Room left above `base`, more than the tasks any group may have. */
const HEADROOM = 2 ** 24;

/** Mints the ids of a group. */
export function newIdRange(ids: IdGenerator): IdRange {
  const id = ids.next();
  const base = Number.parseInt(id.slice(PREFIX_LENGTH), 16);
  return { prefix: id.slice(0, PREFIX_LENGTH), base: Math.min(base, 2 ** 48 - 1 - HEADROOM) };
}

/** Id of the task at `index` of its group. */
export function taskIdAt({ prefix, base }: IdRange, index: number): string {
  return prefix + (base + index).toString(16).padStart(12, "0");
}

/** Takes an id apart; undefined when it is not one. */
export function splitTaskId(id: string): IdRange | undefined {
  if (!isUuid(id)) return undefined;
  return { prefix: id.slice(0, PREFIX_LENGTH), base: Number.parseInt(id.slice(PREFIX_LENGTH), 16) };
}
