import type { LogFilter } from "@spanloom/protocol";
import { attributeSql } from "./attribute-filter.ts";
import { allOf, anyOf, checkList, deeper, type FilterContext, jobsSql, textsSql, timeRangeSql } from "./filter-sql.ts";
import { hexIdsSql, uuidsSql } from "./ids.ts";
import { textMatchSql } from "./text-match.ts";
import { triggerSql } from "./trigger-filter.ts";

/** A log filter as a condition; an empty one holds for every row. */
export function logFilterSql(filter: LogFilter, context: FilterContext, field = "filter"): string {
  return allOf([
    ...idConditions(filter, context, field),
    ...contentConditions(filter, context, field),
    ...nestedConditions(filter, context, field),
  ]);
}

function idConditions(filter: LogFilter, context: FilterContext, field: string): string[] {
  const { parameters } = context;
  for (const [name, list] of Object.entries({
    task_ids: filter.taskIds,
    trace_ids: filter.traceIds,
    span_ids: filter.spanIds,
  })) {
    checkList(list, `${field}.${name}`);
  }
  const hex = (column: string, ids: readonly string[], size: number) =>
    ids.length > 0 ? [hexIdsSql(column, { ids, size, field: `${field}.${column}s` }, parameters)] : [];
  return [
    ...(filter.jobIds.length > 0 ? [jobsSql(filter.jobIds, `${field}.job_ids`, context)] : []),
    ...(filter.trigger ? [triggerSql(filter.trigger, `${field}.trigger`, context)] : []),
    ...(filter.taskIds.length > 0 ? [uuidsSql("task_id", filter.taskIds, `${field}.task_ids`, parameters)] : []),
    ...hex("trace_id", filter.traceIds, 16),
    ...hex("span_id", filter.spanIds, 8),
  ];
}

function contentConditions(filter: LogFilter, { parameters }: FilterContext, field: string): string[] {
  const conditions: string[] = [];
  if (filter.minSeverity > 0) conditions.push(`severity_number >= ${parameters.bind("UInt32", filter.minSeverity)}`);
  if (filter.body) conditions.push(textMatchSql("body", filter.body, `${field}.body`, parameters));
  if (filter.time) conditions.push(timeRangeSql("time", filter.time, parameters));
  if (filter.services.length > 0)
    conditions.push(textsSql("service_name", filter.services, `${field}.services`, parameters));
  if (filter.runnerIds.length > 0)
    conditions.push(textsSql("runner_id", filter.runnerIds, `${field}.runner_ids`, parameters));
  for (const [i, attribute] of filter.attributes.entries()) {
    const at = { field: `${field}.attributes[${i}]`, parameters };
    conditions.push(attributeSql(attribute, { values: "attributes", types: "attribute_types" }, at));
  }
  for (const [i, attribute] of filter.resourceAttributes.entries()) {
    const at = { field: `${field}.resource_attributes[${i}]`, parameters };
    conditions.push(attributeSql(attribute, { values: "resource_attributes", types: "resource_attribute_types" }, at));
  }
  return conditions;
}

function nestedConditions(filter: LogFilter, context: FilterContext, field: string): string[] {
  const { and, or, not } = filter;
  if (and.length === 0 && or.length === 0 && !not) return [];
  const inner = deeper(context, and.length + or.length + (not ? 1 : 0));
  return [
    ...and.map((nested, i) => logFilterSql(nested, inner, `${field}.and[${i}]`)),
    ...(or.length > 0 ? [anyOf(or.map((nested, i) => logFilterSql(nested, inner, `${field}.or[${i}]`)))] : []),
    ...(not ? [`NOT (${logFilterSql(not, inner, `${field}.not`)})`] : []),
  ];
}
