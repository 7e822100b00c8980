import { type QueryLogsRequest, type QuerySpansRequest, traceIdOfJob } from "@spanloom/protocol";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { JobTraces } from "./filter-sql.ts";
import { hexIdsSql } from "./ids.ts";
import type { Parameters } from "./parameters.ts";

/** A table whose rows are stored more than once: resent, or in several versions. */
export interface RepeatedRows {
  name: string;
  /** What tells rows of a trace apart, in the table's order. */
  key: string;
  /** Which of them comes first, so that it is kept. */
  latestFirst: string;
}

/** Spans, of which the latest version counts. */
export const spanRows: RepeatedRows = { name: "spans", key: "start_time, span_id", latestFirst: ", version DESC" };

/** Log records, of which any will do. */
export const logRows: RepeatedRows = { name: "logs", key: "time, ingest_id, writer", latestFirst: "" };

interface SourceOptions {
  request: Pick<QuerySpansRequest | QueryLogsRequest, "filter" | "orderBy">;
  jobTraces: JobTraces;
  parameters: Parameters;
  from: string | undefined;
  table: RepeatedRows;
}

/**
 * What a query reads from, and whether that has the default order already.
 *
 * Rows of one trace are read in the table's order, first rows first, in constant memory, and of equal keys the first is
 * taken: versions are neighbours, so nothing is held but the row before. FINAL in that order merges rows whole, and
 * takes 1.7 times as long for a million spans of parts that overlap. What comes out of it is one stream, whose order a
 * filter leaves as it is; to ask for it again would sort all rows.
 */
export function source({ request, jobTraces, parameters, from, table }: SourceOptions) {
  if (from !== undefined) return { from, isOrdered: false };
  const trace = request.orderBy.length === 0 ? onlyTrace(request, jobTraces) : undefined;
  if (trace === undefined) return { from: `${DATABASE}.${table.name} FINAL`, isOrdered: false };
  const { name, key, latestFirst } = table;
  const ofTrace = hexIdsSql("trace_id", { ids: [trace], size: 16, field: "filter.trace_ids" }, parameters);
  const rows = `SELECT * FROM ${DATABASE}.${name} WHERE ${ofTrace} ORDER BY ${key}${latestFirst} LIMIT 1 BY ${key}`;
  return { from: `(${rows})`, isOrdered: true };
}

/** The trace that all rows which match are of, if the filter says so. */
function onlyTrace({ filter }: SourceOptions["request"], jobTraces: JobTraces): string | undefined {
  const [jobId, ...otherJobs] = filter?.jobIds ?? [];
  if (jobId !== undefined && otherJobs.length === 0 && (jobTraces.get(jobId) ?? []).length === 0) {
    return traceIdOfJob(jobId);
  }
  const [traceId, ...otherTraces] = filter?.traceIds ?? [];
  return otherTraces.length === 0 ? traceId : undefined;
}
