import { type CompareJobsRequest, Measure } from "@spanloom/protocol";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { Statement } from "../columnar/span-store.ts";
import { type JobTraces, jobsSql } from "./filter-sql.ts";
import { groupCountSql, groupLimitSettings, groupLimitSql } from "./group-limit.ts";
import { checkUuid } from "./ids.ts";
import { type Gathering, gatherSql, measuresSql } from "./measures.ts";
import { Parameters } from "./parameters.ts";

/** The jobs of a comparison. */
const sides = ["base", "other"] as const;

/** What is measured of each side. */
const measures = [
  Measure.COUNT,
  Measure.ERRORS,
  Measure.SUM,
  Measure.MEAN,
  Measure.MIN,
  Measure.MAX,
  Measure.P50,
  Measure.P95,
];

const gathering = (side: (typeof sides)[number]): Gathering => ({ measures, of: `in_${side}`, prefix: `${side}_of_` });

const change = `toLowCardinality(multiIf(
  base_count = 0, 'appeared', other_count = 0, 'vanished', isNull(mean_delta_ns), 'open',
  mean_delta_ns > 0, 'slower', mean_delta_ns < 0, 'faster', 'same'))`;

/**
 * Turns a comparison into one statement: both jobs are read once, and each span name measured for either.
 *
 * Errors: INVALID_FIELD.
 */
export function planComparison(request: CompareJobsRequest, jobTraces: JobTraces): Statement {
  const parameters = new Parameters();
  const context = { parameters, jobTraces, depth: 0 };
  checkUuid(request.baseJobId, "base_job_id");
  checkUuid(request.otherJobId, "other_job_id");
  const base = jobsSql([request.baseJobId], "base_job_id", context);
  const other = jobsSql([request.otherJobId], "other_job_id", context);
  const values = sides.flatMap((side) =>
    measuresSql(gathering(side)).map(({ column, value }) => `${value} AS ${side}_${column}`),
  );
  const sql = `SELECT name, ${change} AS change, ${comparisonColumns.slice(2).join(", ")}
FROM (
SELECT *, other_mean_ns - base_mean_ns AS mean_delta_ns, other_sum_ns - base_sum_ns AS sum_delta_ns
FROM (
SELECT name, group_count, ${values.join(", ")}
FROM (
SELECT name, ${sides.flatMap((side) => gatherSql(gathering(side))).join(", ")}, ${groupCountSql}
FROM (
SELECT name, status, duration_ns, ${base} AS in_base, ${other} AS in_other
FROM ${DATABASE}.spans FINAL
WHERE (${base} OR ${other})
)
GROUP BY name
SETTINGS ${groupLimitSettings}
)
)
)
WHERE ${groupLimitSql}
ORDER BY abs(sum_delta_ns) DESC, name`;
  return { sql, params: parameters.values, scans: true };
}

/** Counts what is stored of one job. */
export function planJobSpans(jobId: string, field: string, jobTraces: JobTraces): Statement {
  const parameters = new Parameters();
  const condition = jobsSql([jobId], field, { parameters, jobTraces, depth: 0 });
  return { sql: `SELECT count() AS stored FROM ${DATABASE}.spans WHERE ${condition}`, params: parameters.values };
}

/** Columns of a comparison, in order. */
export const comparisonColumns: readonly string[] = [
  "name",
  "change",
  "sum_delta_ns",
  "mean_delta_ns",
  ...measuresSql(gathering("base")).flatMap(({ column }) => sides.map((side) => `${side}_${column}`)),
];
