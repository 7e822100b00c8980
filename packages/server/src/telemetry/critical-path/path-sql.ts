import { DATABASE } from "../columnar/schema.sql.ts";
import type { Statement } from "../columnar/span-store.ts";
import { type JobTraces, jobsSql } from "../query/filter-sql.ts";
import { Parameters } from "../query/parameters.ts";

/** Most spans named in a statement; beyond it all of the job's are looked through. */
const MAX_NAMED_SPANS = 10_000;

/**
 * The job, task and attempt spans of a job, with what places them in time: microseconds as doubles, which are exact
 * until the year 2255, and NaN where there is none.
 *
 * Of events only names and times are read: the rest holds the stacks of exceptions.
 */
export function planPathSpans(jobId: string, jobTraces: JobTraces): Statement {
  return planSpans(jobId, jobTraces, () => "type IN ('job', 'task', 'attempt')");
}

/** As {@link planPathSpans}, the user spans of these tasks, by 32 hex digits; of very many tasks, those of the job. */
export function planUserSpans(jobId: string, jobTraces: JobTraces, taskIds: readonly string[]): Statement {
  return planSpans(jobId, jobTraces, (parameters) => {
    if (taskIds.length > MAX_NAMED_SPANS) return "type = 'user'";
    return `type = 'user' AND lower(hex(task_id)) IN ${parameters.bind("Array(String)", taskIds)}`;
  });
}

function planSpans(jobId: string, jobTraces: JobTraces, which: (parameters: Parameters) => string): Statement {
  const parameters = new Parameters();
  const condition = jobsSql([jobId], "job_id", { parameters, jobTraces, depth: 0 });
  const us = (key: string) =>
    `if(mapContains(attributes, 'spanloom.${key}'), toFloat64OrZero(attributes['spanloom.${key}']) * 1000, nan)`;
  const lastEventUs = (name: string) => `toFloat64(toUnixTimestamp64Micro(
    events.time[toInt32(length(events.name) + 1 - indexOf(arrayReverse(events.name), '${name}'))]))`;
  const ifEvent = (name: string) => `if(has(events.name, '${name}'), ${lastEventUs(name)}, nan)`;
  const startUs = "toFloat64(toUnixTimestamp64Micro(start_time))";
  const sql = `SELECT type, span_id, parent_span_id, trace_id, task_id, name, outcome, task_name, attempt, queue, runner_id,
  ${startUs} AS start_us,
  if(duration_ns < 0, nan, ${startUs} + intDiv(duration_ns, 1000)) AS end_us,
  ${us("blocked_ms")} AS blocked_us, ${us("queued_ms")} AS queued_us, ${us("backoff_ms")} AS backoff_us,
  ${ifEvent("queued")} AS last_queued_us, ${ifEvent("retry scheduled")} AS last_retry_us
FROM ${DATABASE}.spans FINAL
WHERE ${condition} AND ${which(parameters)}`;
  return { sql, params: parameters.values, scans: true };
}

/** What each of these task spans depends on; tasks with the same dependencies share a row. */
export function planDependencies(jobId: string, jobTraces: JobTraces, spanIds: readonly string[]): Statement {
  const parameters = new Parameters();
  const condition = jobsSql([jobId], "job_id", { parameters, jobTraces, depth: 0 });
  const named =
    spanIds.length > MAX_NAMED_SPANS ? "" : ` AND lower(hex(span_id)) IN ${parameters.bind("Array(String)", spanIds)}`;
  const sql = `SELECT links.span_id AS dependencies, groupArray(lower(hex(span_id))) AS spans
FROM ${DATABASE}.spans FINAL
WHERE ${condition} AND type = 'task' AND notEmpty(links.span_id)${named}
GROUP BY dependencies`;
  return { sql, params: parameters.values, scans: true };
}
