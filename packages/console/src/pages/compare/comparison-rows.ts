import type { ComparisonColumns, ComparisonQuery } from "@spanloom/query";
import type { RecordBatch } from "apache-arrow";

/** How the spans of a name changed from one job to the other; the server tells it of the mean. */
export type Change = "slower" | "faster" | "same" | "appeared" | "vanished" | "open";

/** The spans of one name in one of the jobs. Units: nanoseconds; undefined when none has ended. */
export interface ComparedSide {
  count: number;
  errors: number;
  sum: number;
  mean: number | undefined;
  median: number | undefined;
  p95: number | undefined;
  max: number | undefined;
}

/** The spans of one name in both jobs. */
export interface ComparisonRow {
  name: string;
  change: Change;
  /** Other less base. */
  sumDelta: number;
  base: ComparedSide;
  other: ComparedSide;
}

/** A comparison as it is shown: more names than are kept are only counted. */
export interface Comparison {
  rows: readonly ComparisonRow[];
  names: number;
}

/** Names that are kept; they come with what changed most first. */
export const MOST_ROWS = 2_000;

/** Reads a comparison, what changed most first. */
export async function readComparison(query: ComparisonQuery, signal: AbortSignal): Promise<Comparison> {
  const rows: ComparisonRow[] = [];
  let names = 0;
  for await (const batch of query.stream({ signal })) {
    names += batch.numRows;
    rows.push(...rowsOf(batch, MOST_ROWS - rows.length));
  }
  return { rows, names };
}

/** The first rows of a batch. */
export function rowsOf(batch: RecordBatch<ComparisonColumns>, most: number): ComparisonRow[] {
  return Array.from({ length: Math.min(most, batch.numRows) }, (_, at) => {
    const row = batch.get(at)!.toJSON();
    return {
      name: row.name ?? "",
      change: (row.change ?? "same") as Change,
      sumDelta: Number(row.sum_delta_ns),
      base: {
        count: Number(row.base_count),
        errors: Number(row.base_errors),
        sum: Number(row.base_sum_ns),
        mean: nsOf(row.base_mean_ns),
        median: nsOf(row.base_p50_ns),
        p95: nsOf(row.base_p95_ns),
        max: nsOf(row.base_max_ns),
      },
      other: {
        count: Number(row.other_count),
        errors: Number(row.other_errors),
        sum: Number(row.other_sum_ns),
        mean: nsOf(row.other_mean_ns),
        median: nsOf(row.other_p50_ns),
        p95: nsOf(row.other_p95_ns),
        max: nsOf(row.other_max_ns),
      },
    };
  });
}

function nsOf(value: bigint | number | null): number | undefined {
  return value === null ? undefined : Number(value);
}
