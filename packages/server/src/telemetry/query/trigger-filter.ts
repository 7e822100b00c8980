import { attributeNames, type TriggerFilter, TriggerType } from "@spanloom/protocol";
import { DATABASE } from "../columnar/schema.sql.ts";
import { allOf, type FilterContext, textsSql } from "./filter-sql.ts";
import { queryError } from "./parameters.ts";

/** As spans of jobs say it; those of before there were triggers say nothing. */
const typeNames: Partial<Record<TriggerType, readonly string[]>> = {
  [TriggerType.MANUAL]: ["manual", ""],
  [TriggerType.SCHEDULE]: ["schedule"],
  [TriggerType.EVENT]: ["event"],
  [TriggerType.WEBHOOK]: ["webhook"],
  [TriggerType.CLONE]: ["clone"],
};

/**
 * A condition that rows are of jobs which this set going: rows that name the job, and rows without a job in a trace the
 * job owns.
 *
 * Spans of jobs say what set them going, so they are looked through, at the cost of a condition on an attribute: 0.4 s for
 * 4M spans. GLOBAL, as rows of a job may lie on another shard than its span. Who follows what comes would pay that for each
 * window, and is refused.
 */
export function triggerSql(filter: TriggerFilter, field: string, context: FilterContext): string {
  const { parameters } = context;
  if (context.isFollowed) {
    const why = `cannot be followed: follow attributes such as ${attributeNames.triggerType}, or jobs`;
    throw queryError("UNSUPPORTED_QUERY", field, why);
  }
  const attribute = (key: string, values: readonly string[], name: string) =>
    values.length > 0 ? [textsSql(`attributes['${key}']`, values, `${field}.${name}`, parameters)] : [];
  const conditions = [
    ...attribute(attributeNames.triggerType, namesOf(filter.types, `${field}.types`), "types"),
    ...attribute(attributeNames.scheduleName, filter.schedules, "schedules"),
    ...attribute(attributeNames.triggerName, filter.triggers, "triggers"),
  ];
  if (conditions.length === 0) return "1";
  const job = "if(job_id = toFixedString('', 16), trace_id, job_id)";
  return `${job} GLOBAL IN (SELECT job_id FROM ${DATABASE}.spans WHERE ${allOf(["type = 'job'", ...conditions])})`;
}

function namesOf(types: readonly TriggerType[], field: string): string[] {
  return types.flatMap((type, i) => {
    const names = typeNames[type];
    if (!names) throw queryError("INVALID_FIELD", `${field}[${i}]`, `is ${type}, which sets no job going`);
    return names;
  });
}
