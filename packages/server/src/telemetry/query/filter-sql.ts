import { type TimeRange, traceIdOfJob } from "@spanloom/protocol";
import { hexIdsSql, uuidsSql } from "./ids.ts";
import { type Parameters, queryLimitError } from "./parameters.ts";

/** Traces of jobs beyond the trace a job may own, from the store's `job_traces`. */
export type JobTraces = ReadonlyMap<string, readonly string[]>;

/** What conditions of one statement share. */
export interface FilterContext {
  parameters: Parameters;
  jobTraces: JobTraces;
  depth: number;
  /** The statement is one of many that follow what comes. */
  isFollowed?: boolean;
}

const MAX_FILTER_DEPTH = 32;
/** Most entries of one list of a filter: a statement stays small enough to parse at once. */
const MAX_LIST = 10_000;

/** The last time a column can hold. */
const MAX_TIME_NS = 2n ** 63n - 1n;

/** Joins conditions that must all hold; no condition holds for every row. */
export function allOf(conditions: readonly string[]): string {
  if (conditions.length === 0) return "1";
  return conditions.length === 1 ? conditions[0]! : `(${conditions.join(" AND ")})`;
}

/** Joins conditions of which one must hold. */
export function anyOf(conditions: readonly string[]): string {
  return conditions.length === 1 ? conditions[0]! : `(${conditions.join(" OR ")})`;
}

/** Refuses lists and nesting beyond what a statement should hold. */
export function checkList(list: readonly unknown[], field: string): void {
  if (list.length > MAX_LIST) {
    const facts = { limit: MAX_LIST, actual: list.length };
    throw queryLimitError(field, `has ${list.length} entries, more than ${MAX_LIST}`, facts);
  }
}

/** The context of `filters` nested filters. */
export function deeper(context: FilterContext, filters: number): FilterContext {
  context.parameters.count(filters);
  if (context.depth >= MAX_FILTER_DEPTH) {
    throw queryLimitError("filter", `nests deeper than ${MAX_FILTER_DEPTH}`, { limit: MAX_FILTER_DEPTH });
  }
  return { ...context, depth: context.depth + 1 };
}

/** A condition that a dictionary column is one of these texts. */
export function textsSql(column: string, values: readonly string[], field: string, parameters: Parameters): string {
  checkList(values, field);
  return `${column} IN ${parameters.bind("Array(String)", values)}`;
}

/**
 * A condition that rows are of these jobs: rows that name the job, and rows without a job in a trace the job owns.
 *
 * The traces are named beside the jobs, although a row's job implies them, because the tables are ordered by trace.
 */
export function jobsSql(jobIds: readonly string[], field: string, context: FilterContext): string {
  checkList(jobIds, field);
  const { parameters, jobTraces } = context;
  const named = uuidsSql("job_id", jobIds, field, parameters);
  const own = jobIds.map(traceIdOfJob);
  const all = [...new Set([...own, ...jobIds.flatMap((id) => jobTraces.get(id) ?? [])])];
  const inTraces = hexIdsSql("trace_id", { ids: all, size: 16, field }, parameters);
  const inOwn =
    all.length === own.length ? "" : ` AND ${hexIdsSql("trace_id", { ids: own, size: 16, field }, parameters)}`;
  return `(${inTraces} AND (${named} OR (job_id = toFixedString('', 16)${inOwn})))`;
}

/** Nanoseconds of a timestamp message. */
export function nanosOf(time: { seconds: bigint; nanos: number }): bigint {
  return time.seconds * 1_000_000_000n + BigInt(time.nanos);
}

/** A condition that a time column lies in a half-open range. */
export function timeRangeSql(column: string, range: Pick<TimeRange, "start" | "end">, parameters: Parameters): string {
  const conditions: string[] = [];
  const compare = (operator: string, time: { seconds: bigint; nanos: number }) => {
    const nanos = nanosOf(time);
    // Times outside what a column can hold are before or after all that it holds.
    if (nanos < 0n || nanos > MAX_TIME_NS) return (operator === "<") === nanos < 0n ? "0" : "1";
    return `${column} ${operator} fromUnixTimestamp64Nano(${parameters.bind("Int64", nanos)}, 'UTC')`;
  };
  if (range.start) conditions.push(compare(">=", range.start));
  if (range.end) conditions.push(compare("<", range.end));
  return allOf(conditions);
}
