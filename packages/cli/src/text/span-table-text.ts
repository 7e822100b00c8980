import type { Table } from "apache-arrow";
import { formatDuration } from "./duration-text.ts";
import { textTable } from "./text-table.ts";

/** How much of a table is shown. */
export interface TableTextOptions {
  /** Most rows. */
  maxRows?: number | undefined;
  /** Cells that a line may take. */
  width?: number;
}

/** Spans as a table for people, one line each. */
export function spanTableText(
  table: Table,
  { maxRows = Number.POSITIVE_INFINITY, width = Number.POSITIVE_INFINITY }: TableTextOptions = {},
): string {
  const rows = Array.from({ length: Math.min(table.numRows, maxRows) }, (_, row) => row);
  const text = (name: string) => {
    const column = table.getChild(name);
    return (row: number) => String(column?.get(row) ?? "");
  };
  const durations = table.getChild("duration_ns");
  const starts = table.getChild("start_time");
  const duration = (row: number) => {
    const ns: bigint | null = durations?.get(row) ?? null;
    return ns === null ? "open" : formatDuration(Number(ns) / 1e6);
  };
  const drawn = textTable(
    rows,
    [
      { title: "START", value: (row) => new Date(Number(starts?.get(row) ?? 0)).toISOString() },
      { title: "TYPE", value: text("type") },
      { title: "NAME", value: text("name"), shrink: true },
      { title: "STATUS", value: text("status") },
      { title: "OUTCOME", value: text("outcome"), spare: true },
      { title: "TOOK", value: duration, right: true },
      { title: "SPAN", value: text("span_id") },
      { title: "PARENT", value: text("parent_span_id"), spare: true },
    ],
    width,
  );
  return rows.length < table.numRows ? `${drawn}... and ${table.numRows - rows.length} more\n` : drawn;
}
