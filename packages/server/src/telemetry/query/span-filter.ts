import { type Outcome, outcomes, type SpanFilter, SpanStatus, SpanType } from "@spanloom/protocol";
import { attributeSql } from "./attribute-filter.ts";
import {
  allOf,
  anyOf,
  checkList,
  deeper,
  type FilterContext,
  jobsSql,
  nanosOf,
  textsSql,
  timeRangeSql,
} from "./filter-sql.ts";
import { hexIdsSql, uuidsSql } from "./ids.ts";
import { queryError } from "./parameters.ts";
import { textMatchSql } from "./text-match.ts";
import { triggerSql } from "./trigger-filter.ts";

const typeNames: Partial<Record<SpanType, string>> = {
  [SpanType.JOB]: "job",
  [SpanType.TASK]: "task",
  [SpanType.ATTEMPT]: "attempt",
  [SpanType.USER]: "user",
};
const statusNames: Partial<Record<SpanStatus, string>> = {
  [SpanStatus.UNSET]: "UNSET",
  [SpanStatus.OK]: "OK",
  [SpanStatus.ERROR]: "ERROR",
};
const kindNames = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

/** A span filter as a condition; an empty one holds for every row. */
export function spanFilterSql(filter: SpanFilter, context: FilterContext, field = "filter"): string {
  return allOf([
    ...idConditions(filter, context, field),
    ...textConditions(filter, context, field),
    ...rangeConditions(filter, context, field),
    ...attributeConditions(filter, context, field),
    ...nestedConditions(filter, context, field),
  ]);
}

function idConditions(filter: SpanFilter, context: FilterContext, field: string): string[] {
  const { parameters } = context;
  const hex = (column: string, ids: readonly string[], size: number, name: string) => {
    checkList(ids, `${field}.${name}`);
    return ids.length > 0 ? [hexIdsSql(column, { ids, size, field: `${field}.${name}` }, parameters)] : [];
  };
  checkList(filter.taskIds, `${field}.task_ids`);
  return [
    ...(filter.jobIds.length > 0 ? [jobsSql(filter.jobIds, `${field}.job_ids`, context)] : []),
    ...(filter.trigger ? [triggerSql(filter.trigger, `${field}.trigger`, context)] : []),
    ...(filter.taskIds.length > 0 ? [uuidsSql("task_id", filter.taskIds, `${field}.task_ids`, parameters)] : []),
    ...hex("trace_id", filter.traceIds, 16, "trace_ids"),
    ...hex("span_id", filter.spanIds, 8, "span_ids"),
    ...hex("parent_span_id", filter.parentSpanIds, 8, "parent_span_ids"),
  ];
}

function textConditions(filter: SpanFilter, { parameters }: FilterContext, field: string): string[] {
  const texts = (column: string, values: readonly string[], name: string) =>
    values.length > 0 ? [textsSql(column, values, `${field}.${name}`, parameters)] : [];
  const exact = filter.names.flatMap(({ match }) => (match.case === "exact" ? match.value : []));
  const names = filter.names.flatMap((match, i) =>
    match.match.case === "exact" ? [] : textMatchSql("name", match, `${field}.names[${i}]`, parameters),
  );
  if (exact.length > 0) names.unshift(textsSql("name", exact, `${field}.names`, parameters));
  return [
    ...texts("type", named(filter.types, typeNames, `${field}.types`), "types"),
    ...(names.length > 0 ? [anyOf(names)] : []),
    ...texts("kind", named(filter.kinds, kindNames, `${field}.kinds`), "kinds"),
    ...texts("status", named(filter.statuses, statusNames, `${field}.statuses`), "statuses"),
    ...texts("outcome", knownOutcomes(filter.outcomes, `${field}.outcomes`), "outcomes"),
    ...texts("queue", filter.queues, "queues"),
    ...texts("runner_id", filter.runnerIds, "runner_ids"),
    ...texts("service_name", filter.services, "services"),
  ];
}

function rangeConditions(filter: SpanFilter, { parameters }: FilterContext, field: string): string[] {
  const conditions: string[] = [];
  if (filter.time) conditions.push(timeRangeSql("start_time", filter.time, parameters));
  if (filter.duration) {
    const { min, max } = filter.duration;
    conditions.push("duration_ns >= 0");
    if (min)
      conditions.push(`duration_ns >= ${parameters.bind("Int64", durationNs(nanosOf(min), `${field}.duration.min`))}`);
    if (max)
      conditions.push(`duration_ns <= ${parameters.bind("Int64", durationNs(nanosOf(max), `${field}.duration.max`))}`);
  }
  if (filter.open !== undefined) conditions.push(filter.open ? "duration_ns < 0" : "duration_ns >= 0");
  return conditions;
}

function attributeConditions(filter: SpanFilter, { parameters }: FilterContext, field: string): string[] {
  const conditions = [
    ...filter.attributes.map((attribute, i) =>
      attributeSql(
        attribute,
        { values: "attributes", types: "attribute_types" },
        { field: `${field}.attributes[${i}]`, parameters },
      ),
    ),
    ...filter.resourceAttributes.map((attribute, i) =>
      attributeSql(
        attribute,
        { values: "resource_attributes", types: "resource_attribute_types" },
        { field: `${field}.resource_attributes[${i}]`, parameters },
      ),
    ),
  ];
  if (filter.eventName) {
    const match = textMatchSql("event.2", filter.eventName, `${field}.event_name`, parameters);
    conditions.push(`arrayExists(event -> ${match}, events)`);
  }
  if (filter.exception) {
    const of = (key: string) => {
      const match = textMatchSql(`event.3['exception.${key}']`, filter.exception!, `${field}.exception`, parameters);
      // What an event does not have reads as empty text.
      return `(mapContains(event.3, 'exception.${key}') AND ${match})`;
    };
    conditions.push(`arrayExists(event -> event.2 = 'exception' AND (${of("type")} OR ${of("message")}), events)`);
  }
  return conditions;
}

function nestedConditions(filter: SpanFilter, context: FilterContext, field: string): string[] {
  const { and, or, not } = filter;
  if (and.length === 0 && or.length === 0 && !not) return [];
  const inner = deeper(context, and.length + or.length + (not ? 1 : 0));
  return [
    ...and.map((nested, i) => spanFilterSql(nested, inner, `${field}.and[${i}]`)),
    ...(or.length > 0 ? [anyOf(or.map((nested, i) => spanFilterSql(nested, inner, `${field}.or[${i}]`)))] : []),
    ...(not ? [`NOT (${spanFilterSql(not, inner, `${field}.not`)})`] : []),
  ];
}

/** Names of enum values; 0 is ignored where it means not given, and a value without a name is refused. */
function named(
  values: readonly number[],
  names: Readonly<Record<number, string | undefined>>,
  field: string,
): string[] {
  return values.map((value, i) => {
    const name = names[value];
    if (name === undefined) throw queryError("INVALID_FIELD", `${field}[${i}]`, `is ${value}, which is unknown`);
    return name;
  });
}

function knownOutcomes(values: readonly string[], field: string): readonly string[] {
  for (const [i, value] of values.entries()) {
    if (!outcomes.includes(value as Outcome)) {
      throw queryError("INVALID_FIELD", `${field}[${i}]`, `is "${value}", not one of ${outcomes.join(", ")}`);
    }
  }
  return values;
}

function durationNs(nanos: bigint, field: string): bigint {
  if (nanos < 0n || nanos >= 2n ** 63n) throw queryError("INVALID_FIELD", field, `is ${nanos} ns, outside 0 to 2^63`);
  return nanos;
}
