import type { QueryClient } from "@spanloom/query";

/** Counts the stored spans of some jobs, by reading their smallest column. */
export async function countSpans(query: QueryClient, jobIds: string[]): Promise<number> {
  let count = 0;
  for await (const batch of query.spans({ job: jobIds, columns: ["kind"] }).stream()) count += batch.numRows;
  return count;
}

/** Reads all spans of a job into one Arrow table, with all columns or with the few a chart needs. */
export async function measureToArrow(
  query: QueryClient,
  { jobId, narrow }: { jobId: string; narrow: boolean },
): Promise<{ rows: number; ms: number }> {
  const startedAtMs = performance.now();
  const table = narrow
    ? await query.spans({ job: jobId, columns: ["name", "start_time", "duration_ns"] }).toArrow()
    : await query.spans({ job: jobId }).toArrow();
  return { rows: table.numRows, ms: performance.now() - startedAtMs };
}
