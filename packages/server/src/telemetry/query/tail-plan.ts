import { create } from "@bufbuild/protobuf";
import {
  QueryLogsRequestSchema,
  QuerySpansRequestSchema,
  SpanFilterSchema,
  SpanType,
  type TailLogsRequest,
  type TailSpansRequest,
} from "@spanloom/protocol";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { Statement, TelemetryTable } from "../columnar/span-store.ts";
import type { JobTraces } from "./filter-sql.ts";
import { Parameters } from "./parameters.ts";
import { planLogs, planSpans, type Reading } from "./planner.ts";
import { spanFilterSql } from "./span-filter.ts";

/** A half-open range of the store's own time, in microseconds since the epoch. */
export interface Window {
  fromUs: bigint;
  untilUs: bigint;
}

/**
 * Turns what became new within a window into one statement: spans whose latest version came then and matches.
 *
 * A version that came late, after a later one, is nothing new. Errors: as `planSpans`.
 */
export function planSpanTail(request: TailSpansRequest, jobTraces: JobTraces, window: Window): Statement {
  const { filter, columns, attributeColumns } = request;
  const parameters = new Parameters();
  const inWindow = windowSql(window, parameters);
  return planSpans(
    create(QuerySpansRequestSchema, { ...(filter && { filter }), columns, attributeColumns }),
    jobTraces,
    {
      parameters,
      from: `(
SELECT * FROM ${DATABASE}.spans
WHERE ${inWindow} AND (trace_id, span_id, version) IN (
SELECT trace_id, span_id, max(version) FROM ${DATABASE}.spans
WHERE (trace_id, start_time, span_id) IN (SELECT trace_id, start_time, span_id FROM ${DATABASE}.spans WHERE ${inWindow})
GROUP BY trace_id, span_id)
LIMIT 1 BY trace_id, span_id
)`,
    },
  );
}

/** As {@link planSpanTail}, for log records, of which there is one version. Errors: as `planLogs`. */
export function planLogTail(request: TailLogsRequest, jobTraces: JobTraces, window: Window): Statement {
  const { filter, columns, attributeColumns } = request;
  const parameters = new Parameters();
  return planLogs(create(QueryLogsRequestSchema, { ...(filter && { filter }), columns, attributeColumns }), jobTraces, {
    parameters,
    from: `(
SELECT * FROM ${DATABASE}.logs
WHERE ${windowSql(window, parameters)}
LIMIT 1 BY trace_id, time, ingest_id, writer
)`,
  });
}

/**
 * Turns what came before a time of the store's into one statement: what a tail begins with. A span that changed since is
 * left to the windows after that. Errors: as `planSpans`.
 */
export function planExistingSpans(request: TailSpansRequest, jobTraces: JobTraces, beforeUs: bigint): Statement {
  const { filter, columns, attributeColumns } = request;
  const existing = create(QuerySpansRequestSchema, { ...(filter && { filter }), columns, attributeColumns });
  return planSpans(existing, jobTraces, cameBefore(beforeUs));
}

/** As {@link planExistingSpans}, for log records. Errors: as `planLogs`. */
export function planExistingLogs(request: TailLogsRequest, jobTraces: JobTraces, beforeUs: bigint): Statement {
  const { filter, columns, attributeColumns } = request;
  const existing = create(QueryLogsRequestSchema, { ...(filter && { filter }), columns, attributeColumns });
  return planLogs(existing, jobTraces, cameBefore(beforeUs));
}

function cameBefore(untilUs: bigint): Reading {
  const parameters = new Parameters();
  return { parameters, only: windowSql({ fromUs: 0n, untilUs }, parameters) };
}

/** Counts the rows that came within a window, and names the jobs whose end did, as 32 hex digits. */
export function planNews(window: Window): Statement {
  const parameters = new Parameters();
  const inWindow = windowSql(window, parameters);
  const sql = `SELECT count() AS spans,
(SELECT count() FROM ${DATABASE}.logs WHERE ${inWindow}) AS logs,
groupUniqArrayIf(lower(hex(job_id)), type = 'job' AND duration_ns >= 0) AS ended
FROM ${DATABASE}.spans WHERE ${inWindow}`;
  return { sql, params: parameters.values };
}

/** Names those of some jobs whose spans have not ended, as 32 hex digits. */
export function planOpenJobs(jobIds: readonly string[], jobTraces: JobTraces): Statement {
  const parameters = new Parameters();
  const filter = create(SpanFilterSchema, { jobIds: [...jobIds], types: [SpanType.JOB] });
  const condition = spanFilterSql(filter, { parameters, jobTraces, depth: 0 });
  const sql = `SELECT groupUniqArray(job) AS open FROM (
SELECT lower(hex(any(job_id))) AS job, argMax(duration_ns, version) AS latest
FROM ${DATABASE}.spans WHERE ${condition} GROUP BY trace_id, span_id
) WHERE latest < 0`;
  return { sql, params: parameters.values };
}

/** Counts the rows of a window by when they came, in order. */
export function planArrivals(table: TelemetryTable, window: Window): Statement {
  const parameters = new Parameters();
  const sql = `SELECT toUnixTimestamp64Micro(inserted_at) AS at, count() AS stored FROM ${DATABASE}.${table}
WHERE ${windowSql(window, parameters)} GROUP BY at ORDER BY at`;
  return { sql, params: parameters.values, isSmall: true };
}

/** Reads the store's clock. */
export const nowStatement: Statement = {
  sql: "SELECT toUnixTimestamp64Micro(now64(6, 'UTC')) AS now",
  params: {},
  isSmall: true,
};

/** Whether a row came within a window. */
export function windowSql({ fromUs, untilUs }: Window, parameters: Parameters): string {
  const at = (us: bigint) => `fromUnixTimestamp64Micro(${parameters.bind("Int64", us)}, 'UTC')`;
  return `inserted_at >= ${at(fromUs)} AND inserted_at < ${at(untilUs)}`;
}
