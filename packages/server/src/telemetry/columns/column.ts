import type { Data } from "apache-arrow";

/**
 * Columns that grow: typed arrays written row by row and handed to Arrow without copying row objects about.
 *
 * I1. Nothing is allocated per value; arrays double when full.
 * I2. A nested column's rows are delimited by its own offsets, so `truncate` undoes any number of rows, also a row
 *     that was begun and not closed.
 * I3. `finish` lends views of the live arrays: the batch must be stored before the column is written to again.
 */
export interface Column {
  /** Closed rows. */
  readonly length: number;
  /** Forgets every row from `rows` on, and what was begun of the next one. */
  truncate(rows: number): void;
  /** The rows as Arrow data (I3). */
  finish(): Data;
  /** Bytes the rows take. */
  byteSize(): number;
  /** Text that is not UTF-8 among rows from `rows` on; columns without text have none. */
  hasInvalidText(rows: number): boolean;
}

/** An Int32Array of at least twice the length with the same beginning. */
export function grownInt32(array: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(Math.max(array.length * 2, needed));
  grown.set(array);
  return grown;
}

/** A Uint8Array of at least twice the length with the same beginning. */
export function grownUint8(array: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(array.length * 2, needed));
  grown.set(array);
  return grown;
}
