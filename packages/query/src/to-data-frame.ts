import { DataType, type Table, type Vector } from "apache-arrow";
import type { ColumnTable } from "arquero";
import { categoriesOf, int64Minimum, int64Offsets } from "./column-values.ts";
import { plainValues, type ReadValue } from "./plain-values.ts";

/** An Arquero table. */
export type DataFrame = ColumnTable;

/** A column as Arquero reads it. */
interface FrameColumn {
  readonly length: number;
  at(row: number): unknown;
  [Symbol.iterator](): Iterator<unknown>;
  /** Groups by this column, without a pass over its values. */
  groups?(names: string[]): unknown;
}

const NS_PER_MS = 1_000_000;

/**
 * An Arrow table as an Arquero table, with plain JavaScript values.
 *
 * | Arrow                     | value                                                            |
 * | ------------------------- | ---------------------------------------------------------------- |
 * | text, dictionary          | string                                                           |
 * | timestamp                 | Date, cut to whole milliseconds                                  |
 * | int64 (`duration_ns`)     | number, exact below 2^53: 104 days in nanoseconds                |
 * | other numbers, bool       | number, boolean                                                  |
 * | map                       | object without a prototype, by key                               |
 * | list, struct              | array, object                                                    |
 * | null                      | null                                                             |
 *
 * Objects, arrays and Dates are made when a row is read. Where nanoseconds matter use `duration_ns`, or the Arrow
 * table's own values, which are bigints: `table.getChild("start_time").data[0].values`.
 */
export async function toDataFrame(table: Table): Promise<DataFrame> {
  const arquero = await import("arquero");
  const columns = table.schema.fields.map(({ name }, index): [string, FrameColumn] => [
    name,
    frameColumn(table.getChildAt(index)!),
  ]);
  return arquero.table(columns);
}

function frameColumn(column: Vector): FrameColumn {
  const type: DataType = column.type;
  if (DataType.isDictionary(type)) return categoryColumn(column);
  if (DataType.isTimestamp(type)) return timeColumn(column);
  if (DataType.isInt(type) && type.bitWidth === 64) return int64Column(column);
  return columnOf(column.length, chunkedReader(column));
}

/** Reads rows by their place in all chunks. Rows are mostly read in order, so it looks in the last one's chunk first. */
function chunkedReader(column: Vector): ReadValue {
  const chunks = column.data.filter(({ length }) => length > 0);
  const readers = chunks.map(plainValues);
  const starts = [0];
  for (const { length } of chunks) starts.push(starts.at(-1)! + length);
  let chunk = 0;
  return (row) => {
    if (row < starts[chunk]! || row >= starts[chunk + 1]!) chunk = starts.findLastIndex((start) => start <= row);
    return readers[chunk]!(row - starts[chunk]!);
  };
}

function columnOf(length: number, at: (row: number) => unknown): FrameColumn {
  return {
    length,
    at,
    *[Symbol.iterator]() {
      for (let row = 0; row < length; row++) yield at(row);
    },
  };
}

function int64Column(column: Vector): FrameColumn {
  const values = int64Offsets(column, 0n);
  return columnOf(column.length, (row) => (Number.isNaN(values[row]) ? null : values[row]));
}

function timeColumn(column: Vector): FrameColumn {
  const base = int64Minimum(column) ?? 0n;
  const offsets = int64Offsets(column, base);
  // Nanoseconds since 1970 exceed what a number holds exactly; those since the whole millisecond before `base` do not.
  const baseMs = Number(base / BigInt(NS_PER_MS));
  const restNs = Number(base % BigInt(NS_PER_MS));
  return columnOf(column.length, (row) => {
    const offset = offsets[row]!;
    return Number.isNaN(offset) ? null : new Date(baseMs + Math.floor((offset + restNs) / NS_PER_MS));
  });
}

/**
 * Text of low cardinality. Its groups hold only values that occur: a dictionary may list others.
 *
 * It leaves out Arquero's optional `keyFor`, which turns a comparison with a value that is not in the dictionary into
 * false, `!=` included.
 */
function categoryColumn(column: Vector): FrameColumn {
  const { codes, values } = categoriesOf(column);
  const at = (row: number): string | null => values[codes[row]!] ?? null;
  const groups = (names: string[]): unknown => {
    const keys = new Uint32Array(codes.length);
    const groupOf = new Int32Array(values.length + 1).fill(-1);
    const rows: number[] = [];
    for (let row = 0; row < codes.length; row++) {
      const code = codes[row]! + 1;
      if (groupOf[code] === -1) groupOf[code] = rows.push(row) - 1;
      keys[row] = groupOf[code]!;
    }
    return { keys, get: [at], names, rows, size: rows.length };
  };
  return { ...columnOf(codes.length, at), groups };
}
