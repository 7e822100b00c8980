import type { RecordBatch, Vector } from "apache-arrow";

/** The columns of the table of spans. */
export const spanColumns = [
  "span_id",
  "trace_id",
  "start_time",
  "duration_ns",
  "name",
  "type",
  "status",
  "outcome",
  "queue",
  "service_name",
  "job_id",
  "job_name",
] as const;

type ColumnName = (typeof spanColumns)[number];

/** Spans as they came: a row becomes values when it is looked at. */
export interface SpanRows {
  count: number;
  /** A value of a row: text, a time in milliseconds, nanoseconds as bigint, or null. */
  value(row: number, column: ColumnName): unknown;
  /** The longest of them, in nanoseconds. */
  longestNs: number;
}

/** Keeps batches as they are. */
export async function readSpans(batches: AsyncIterable<RecordBatch>): Promise<SpanRows> {
  const starts: number[] = [];
  const parts: ReadonlyMap<ColumnName, Vector | null>[] = [];
  let count = 0;
  let longestNs = 0;
  for await (const batch of batches) {
    const columns = new Map(spanColumns.map((name) => [name, batch.getChild(name) as Vector | null]));
    starts.push(count);
    parts.push(columns);
    count += batch.numRows;
    for (const ns of columns.get("duration_ns") ?? []) longestNs = Math.max(longestNs, Number(ns ?? 0));
  }
  return {
    count,
    longestNs,
    value(row, column) {
      const part = starts.findLastIndex((start) => start <= row);
      return parts[part]?.get(column)?.get(row - (starts[part] ?? 0)) ?? null;
    },
  };
}
