import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { QueryClient } from "@spanloom/query";

/** Counts the stored spans of some jobs. */
export async function countSpans(query: QueryClient, jobIds: string[]): Promise<number> {
  const table = await query
    .spans({ job: jobIds })
    .aggregate({ measures: ["count"] })
    .toArrow();
  return Number(table.getChild("count")?.get(0) ?? 0);
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

/** Counts all spans by name, and takes the 99th percentile of their durations. */
export async function measureAggregate(query: QueryClient): Promise<{ spans: number; names: number; ms: number }> {
  const startedAtMs = performance.now();
  const table = await query
    .spans()
    .aggregate({ groupBy: ["name"], measures: ["count", "p99"] })
    .toArrow();
  const ms = performance.now() - startedAtMs;
  let spans = 0;
  for (const count of table.getChild("count") ?? []) spans += Number(count);
  return { spans, names: table.numRows, ms };
}

/** Reads all spans of a job as JSON rows: a line for each, parsed into an object that is not kept. */
export async function measureToJson(
  query: QueryClient,
  { jobId, folder }: { jobId: string; folder: string },
): Promise<{ rows: number; ms: number }> {
  const path = join(folder, "rows.jsonl");
  const startedAtMs = performance.now();
  await query.spans({ job: jobId }).toFile(path);
  let rows = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if ((JSON.parse(line) as { span_id?: string }).span_id !== undefined) rows++;
  }
  const ms = performance.now() - startedAtMs;
  await rm(path);
  return { rows, ms };
}

/** Reads all spans of a job batch by batch, all columns. */
export async function measureStream(query: QueryClient, jobId: string): Promise<{ rows: number; ms: number }> {
  const startedAtMs = performance.now();
  let rows = 0;
  for await (const batch of query.spans({ job: jobId }).stream()) rows += batch.numRows;
  return { rows, ms: performance.now() - startedAtMs };
}
