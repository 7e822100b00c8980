import { SpanloomError } from "@spanloom/protocol";
import { type Data, DataType, type Table, type Vector } from "apache-arrow";

/**
 * Columns as flat arrays of numbers, for code that passes over many rows: no object and no bigint for each row.
 */

/** A column that a table must have. Errors: INVALID_FIELD, naming the column and those there are. */
export function requireColumn(table: Table, name: string): Vector {
  const column = table.getChild(name);
  if (column) return column;
  const names = table.schema.fields.map((field) => field.name).join(", ");
  const message = `cannot read spans: column "${name}" is not among the table's columns (${names})`;
  throw new SpanloomError("INVALID_FIELD", message, { field: name });
}

/**
 * The values of a 64-bit integer or timestamp column less `base`; NaN where null.
 *
 * Differences up to 2^53 are exact: 104 days in nanoseconds.
 */
export function int64Offsets(column: Vector, base: bigint): Float64Array {
  const offsets = new Float64Array(column.length);
  const baseHigh = Number(base >> 32n);
  const baseLow = Number(base & 0xffff_ffffn);
  let at = 0;
  for (const data of column.data) {
    const words = int64Words(data);
    // Typed arrays have the byte order of the platform, and every platform JavaScript runs on is little-endian.
    for (let row = 0; row < data.length; row++) {
      const high = words[2 * row + 1]! | 0;
      offsets[at + row] = (high - baseHigh) * 4_294_967_296 + (words[2 * row]! - baseLow);
    }
    markNulls(data, (row) => {
      offsets[at + row] = Number.NaN;
    });
    at += data.length;
  }
  return offsets;
}

/** The smallest value of a 64-bit integer or timestamp column; undefined when all are null. */
export function int64Minimum(column: Vector): bigint | undefined {
  const first = firstInt64(column);
  if (first === undefined) return undefined;
  let least = 0;
  for (const offset of int64Offsets(column, first)) if (offset < least) least = offset;
  return first + BigInt(least);
}

function firstInt64(column: Vector): bigint | undefined {
  for (const data of column.data) {
    for (let row = 0; row < data.length; row++) if (data.getValid(row)) return (data.values as BigInt64Array)[row];
  }
  return undefined;
}

function int64Words(data: Data): Uint32Array {
  const values: unknown = data.values;
  if (!(values instanceof BigInt64Array || values instanceof BigUint64Array))
    throw new SpanloomError("INVALID_FIELD", `cannot read spans: a column of type ${data.type} has no 64-bit integers`);
  return new Uint32Array(values.buffer, values.byteOffset, 2 * data.length);
}

function markNulls(data: Data, mark: (row: number) => void): void {
  if (data.nullCount === 0) return;
  for (let row = 0; row < data.length; row++) if (!data.getValid(row)) mark(row);
}

/** Text of low cardinality as numbers. */
export interface Categories {
  /** For each row the index of its value; -1 where null. */
  readonly codes: Int32Array;
  /** Values by index, in the order they were first seen in a dictionary or row. */
  readonly values: readonly string[];
}

/** A text column as codes. A dictionary column's keys are used as they are; its chunks may have dictionaries of their own. */
export function categoriesOf(column: Vector): Categories {
  const codes = new Int32Array(column.length);
  const codeOf = new Map<string, number>();
  const code = (value: string): number => {
    const known = codeOf.get(value);
    if (known !== undefined) return known;
    codeOf.set(value, codeOf.size);
    return codeOf.size - 1;
  };
  const mappings = new Map<Vector, Int32Array>();
  let at = 0;
  for (const data of column.data) {
    if (DataType.isDictionary(data.type) && data.dictionary) {
      let mapping = mappings.get(data.dictionary);
      if (!mapping) {
        mapping = Int32Array.from(data.dictionary as Iterable<string | null>, (value) =>
          value === null ? -1 : code(value),
        );
        mappings.set(data.dictionary, mapping);
      }
      const keys = data.values as ArrayLike<number | bigint>;
      for (let row = 0; row < data.length; row++) codes[at + row] = mapping[Number(keys[row])] ?? -1;
      markNulls(data, (row) => {
        codes[at + row] = -1;
      });
    } else {
      for (let row = 0; row < data.length; row++) {
        const value = column.get(at + row) as string | null;
        codes[at + row] = value === null ? -1 : code(value);
      }
    }
    at += data.length;
  }
  return { codes, values: [...codeOf.keys()] };
}
