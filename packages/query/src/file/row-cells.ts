import type { Data, RecordBatch } from "apache-arrow";
import { plainValues, type ReadValue } from "../plain-values.ts";
import { type CellWriter, cellJson } from "./cell-json.ts";

/** The columns of a batch, or the fields of a struct, by name. */
export interface RowCells {
  readonly rows: number;
  /** A column's data; undefined when there is no such column. */
  data(name: string): Data | undefined;
  /** A column's values as JSON; `null` where there is none. */
  json(name: string): CellWriter;
  /** A column's values as text; empty where there is none. */
  text(name: string): (row: number) => string;
  /** A 64-bit column's values; undefined where there is none. */
  int64(name: string): (row: number) => bigint | undefined;
}

/** Cells of a batch. */
export function cellsOf({ data, numRows }: RecordBatch): RowCells {
  return structCells(data, numRows);
}

/** Cells of a struct's items. */
export function structCells({ type, children }: Data, rows: number): RowCells {
  const names: string[] = type.children.map(({ name }: { name: string }) => name);
  const data = (name: string): Data | undefined => children[names.indexOf(name)];
  return {
    rows,
    data,
    json(name) {
      const column = data(name);
      return column ? cellJson(column) : () => "null";
    },
    text(name) {
      const column = data(name);
      const read: ReadValue = column ? plainValues(column) : () => null;
      return (row) => (read(row) as string | null) ?? "";
    },
    int64(name) {
      const column = data(name);
      if (!column) return () => undefined;
      const values = column.values as BigInt64Array;
      return (row) => (column.getValid(row) ? values[row] : undefined);
    },
  };
}

/** The items of a list or map column: those of row r are `from(r) .. from(r + 1)` of `items`. */
export function itemsOf(column: Data): { items: RowCells; from: (row: number) => number } {
  const items = column.children[0] as Data;
  const { valueOffsets } = column;
  return { items: structCells(items, items.length), from: (row) => valueOffsets[row]! };
}
