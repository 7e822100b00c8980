import { create } from "@bufbuild/protobuf";
import { QuerySpansRequestSchema, type TailSpansRequest } from "@spanloom/protocol";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { Statement } from "../columnar/span-store.ts";
import type { JobTraces } from "./filter-sql.ts";
import { Parameters } from "./parameters.ts";
import { planSpans } from "./planner.ts";

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
export function planTail(request: TailSpansRequest, jobTraces: JobTraces, window: Window): Statement {
  const { filter, columns } = request;
  const parameters = new Parameters();
  const inWindow = windowSql(window, parameters);
  return planSpans(create(QuerySpansRequestSchema, { ...(filter && { filter }), columns }), jobTraces, {
    inOrder: false,
    parameters,
    from: `(
SELECT * FROM ${DATABASE}.spans
WHERE ${inWindow} AND (trace_id, span_id, version) IN (
SELECT trace_id, span_id, max(version) FROM ${DATABASE}.spans
WHERE (trace_id, start_time, span_id) IN (SELECT trace_id, start_time, span_id FROM ${DATABASE}.spans WHERE ${inWindow})
GROUP BY trace_id, span_id)
LIMIT 1 BY trace_id, span_id
)`,
  });
}

/** Counts the rows that came within a window. */
export function planNews(window: Window): Statement {
  const parameters = new Parameters();
  const sql = `SELECT count() AS stored FROM ${DATABASE}.spans WHERE ${windowSql(window, parameters)}`;
  return { sql, params: parameters.values };
}

/** Reads the store's clock. */
export const nowStatement: Statement = { sql: "SELECT toUnixTimestamp64Micro(now64(6, 'UTC')) AS now", params: {} };

function windowSql({ fromUs, untilUs }: Window, parameters: Parameters): string {
  const at = (us: bigint) => `fromUnixTimestamp64Micro(${parameters.bind("Int64", us)}, 'UTC')`;
  return `inserted_at >= ${at(fromUs)} AND inserted_at < ${at(untilUs)}`;
}
