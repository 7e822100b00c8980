import { DataType, type RecordBatch, type Table } from "apache-arrow";
import { formatNs } from "./duration-text.ts";
import type { TableTextOptions } from "./span-table-text.ts";
import { textTable } from "./text-table.ts";

/** Rows of columns that were asked for, as a table for people: times as ISO 8601, durations with their unit. */
export function rowsText(
  rows: Table | RecordBatch,
  { maxRows = Number.POSITIVE_INFINITY, width = Number.POSITIVE_INFINITY }: TableTextOptions = {},
): string {
  const shown = Array.from({ length: Math.min(rows.numRows, maxRows) }, (_, row) => row);
  const columns = rows.schema.fields.map(({ name, type }) => {
    const column = rows.getChild(name);
    const text = textOf(name, type);
    return {
      title: titleOf(name),
      value: (row: number) => {
        const value: unknown = column?.get(row);
        return value === null || value === undefined ? "" : text(value);
      },
      right: DataType.isInt(type) || DataType.isFloat(type),
      // Times and ids are copied.
      shrink: (DataType.isUtf8(type) || DataType.isDictionary(type) || DataType.isMap(type)) && !name.endsWith("_id"),
    };
  });
  const drawn = textTable(shown, columns, width);
  return shown.length < rows.numRows ? `${drawn}... and ${rows.numRows - shown.length} more\n` : drawn;
}

/** As {@link rowsText}, without titles: for rows that follow others. */
export function rowLines(rows: RecordBatch): string {
  const text = rowsText(rows);
  return text.slice(text.indexOf("\n") + 1);
}

/** Attributes' keys stay as they are; a duration tells its own unit. */
function titleOf(name: string): string {
  return name.includes(".") ? name : name.replace(/_ns$/, "").replaceAll("_", " ").toUpperCase();
}

function textOf(name: string, type: DataType): (value: unknown) => string {
  if (DataType.isTimestamp(type)) return (value) => new Date(Number(value)).toISOString();
  if (name.endsWith("_ns")) return (value) => formatNs(Number(value));
  return (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
}
