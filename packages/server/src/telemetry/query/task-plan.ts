import { DATABASE } from "../columnar/schema.sql.ts";
import type { Statement } from "../columnar/span-store.ts";
import type { TaskSpan } from "../telemetry.ts";
import { hexIdsSql } from "./ids.ts";
import { Parameters } from "./parameters.ts";

/** Turns a question for tasks, by their spans, into one statement: where each hangs, its last attempt, and its links. */
export function planTasks(tasks: readonly TaskSpan[]): Statement {
  const parameters = new Parameters();
  const traces = [...new Set(tasks.map(({ trace }) => trace))];
  const spans = tasks.map(({ span }) => span);
  const ofTrace = hexIdsSql("trace_id", { ids: traces, size: 16, field: "trace_id" }, parameters);
  const ofTask = hexIdsSql("of_task", { ids: spans, size: 8, field: "span_id" }, parameters);
  const latest = (column: string) => `argMaxIf(${column}, version, type = 'task')`;
  const sql = `SELECT lower(hex(of_task)) AS span, lower(hex(${latest("parent_span_id")})) AS parent,
maxIf(attempt, type = 'attempt') AS last_attempt, ${latest("links")} AS links
FROM (
SELECT trace_id, type, version, parent_span_id, attempt, links, if(type = 'task', span_id, parent_span_id) AS of_task
FROM ${DATABASE}.spans WHERE ${ofTrace} AND type IN ('task', 'attempt') AND ${ofTask}
)
GROUP BY trace_id, of_task HAVING countIf(type = 'task') > 0`;
  return { sql, params: parameters.values, isSmall: true };
}
