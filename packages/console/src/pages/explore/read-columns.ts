import type { RecordBatch } from "apache-arrow";

/** A value of a row as a page shows it: times in epoch milliseconds, 64-bit integers as numbers. */
export type Cell = string | number | boolean | null;

/** Columns by name, all of one length. */
export interface AnswerColumns {
  rows: number;
  column(name: string): readonly Cell[];
}

/** Reads a small answer whole. */
export async function readColumns(batches: AsyncIterable<RecordBatch>): Promise<AnswerColumns> {
  const columns = new Map<string, Cell[]>();
  let rows = 0;
  for await (const batch of batches) {
    rows += batch.numRows;
    for (const { name } of batch.schema.fields) {
      const cells = columns.get(name) ?? [];
      columns.set(name, cells);
      for (const value of batch.getChild(name) ?? []) cells.push(cellOf(value));
    }
  }
  return { rows, column: (name) => columns.get(name) ?? [] };
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return Number(value);
  return typeof value === "number" || typeof value === "boolean" ? value : String(value);
}
