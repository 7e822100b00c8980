import {
  type AttributeFilter,
  Comparison,
  type LogFilter,
  type SpanFilter,
  type TextMatch,
  type TimeRange,
  type TriggerFilter,
  traceIdOfJob,
} from "@spanloom/protocol";
import type { FixtureValue } from "../../ingest/otlp-fixture.ts";
import { pools, type SampleRecord, triggerOfJobs } from "./sample-records.ts";

/**
 * What the protocol says a filter means, computed record by record: the reference the SQL is compared with.
 *
 * Source: proto/spanloom/v1/query_service.proto SpanFilter, LogFilter.
 */

/** Whether a span filter holds for a record. */
export function spanMatches(filter: SpanFilter, record: SampleRecord): boolean {
  const { durationNs } = record;
  const types = ["", "job", "task", "attempt", "user"];
  return (
    matchesShared(filter, record) &&
    anyIs(filter.spanIds, record.id) &&
    anyIs(filter.parentSpanIds, record.parentId) &&
    anyIs(
      filter.types.map((type) => types[type]),
      record.type,
    ) &&
    anyIs(filter.kinds, record.kind) &&
    // Statuses are numbered as in OTLP plus one.
    anyIs(filter.statuses, record.status + 1) &&
    anyIs(filter.outcomes, record.outcome) &&
    anyIs(filter.queues, record.queue) &&
    (filter.names.length === 0 || filter.names.some((match) => textMatches(match, record.text))) &&
    durationMatches(filter, durationNs) &&
    (filter.open === undefined || filter.open === (durationNs === undefined)) &&
    eventsMatch(filter, record) &&
    filter.and.every((nested) => spanMatches(nested, record)) &&
    (filter.or.length === 0 || filter.or.some((nested) => spanMatches(nested, record))) &&
    (!filter.not || !spanMatches(filter.not, record))
  );
}

/** Whether a log filter holds for a record, whose span is its parent. */
export function logMatches(filter: LogFilter, record: SampleRecord): boolean {
  return (
    matchesShared(filter, record) &&
    anyIs(filter.spanIds, record.parentId) &&
    record.severity >= filter.minSeverity &&
    (!filter.body || textMatches(filter.body, record.text)) &&
    filter.and.every((nested) => logMatches(nested, record)) &&
    (filter.or.length === 0 || filter.or.some((nested) => logMatches(nested, record))) &&
    (!filter.not || !logMatches(filter.not, record))
  );
}

function matchesShared(filter: SpanFilter | LogFilter, record: SampleRecord): boolean {
  const { jobIds, attributes, resourceAttributes } = filter;
  // A row without a job in a trace that a job owns is the job's.
  const ofJob = (id: string) =>
    record.jobId === undefined ? record.traceId === traceIdOfJob(id) : record.jobId === id;
  return (
    (jobIds.length === 0 || jobIds.some(ofJob)) &&
    triggerMatches(filter.trigger, record) &&
    anyIs(filter.taskIds, record.taskId) &&
    anyIs(filter.traceIds, record.traceId) &&
    anyIs(filter.runnerIds, record.runner) &&
    anyIs(filter.services, record.service) &&
    timeMatches(filter.time, record.startNs) &&
    attributes.every((each) => attributeMatches(each, record.attributes)) &&
    resourceAttributes.every((each) => attributeMatches(each, record.resource))
  );
}

function triggerMatches(filter: TriggerFilter | undefined, { jobId, traceId }: SampleRecord): boolean {
  if (!filter || filter.types.length + filter.schedules.length + filter.triggers.length === 0) return true;
  const job = jobId ?? pools.jobs.find((id) => traceIdOfJob(id) === traceId);
  const trigger = triggerOfJobs[pools.jobs.indexOf(job ?? "")];
  if (!trigger) return false;
  const types = ["", "manual", "schedule", "event", "webhook", "retry", "clone"];
  return (
    anyIs(
      filter.types.map((type) => types[type]),
      trigger.type,
    ) &&
    anyIs<string | undefined>(filter.schedules, trigger.schedule) &&
    anyIs<string | undefined>(filter.triggers, trigger.trigger)
  );
}

function anyIs<Value>(list: readonly Value[], value: Value): boolean {
  return list.length === 0 || list.includes(value);
}

function textMatches({ match }: TextMatch, text: string): boolean {
  switch (match.case) {
    case "exact":
      return text === match.value;
    case "prefix":
      return text.startsWith(match.value);
    case "contains":
      return text.includes(match.value);
    case "regex": {
      const plain = match.value.replace("(?i)", "");
      return new RegExp(plain, plain === match.value ? "su" : "sui").test(text);
    }
    default:
      throw new Error("a text match without a match");
  }
}

const nanosOf = ({ seconds, nanos }: { seconds: bigint; nanos: number }) => seconds * 1_000_000_000n + BigInt(nanos);

function timeMatches(range: TimeRange | undefined, timeNs: bigint): boolean {
  if (range?.start && timeNs < nanosOf(range.start)) return false;
  return !range?.end || timeNs < nanosOf(range.end);
}

function durationMatches({ duration }: SpanFilter, durationNs: bigint | undefined): boolean {
  if (!duration) return true;
  if (durationNs === undefined) return false;
  if (duration.min && durationNs < nanosOf(duration.min)) return false;
  return !duration.max || durationNs <= nanosOf(duration.max);
}

function eventsMatch({ eventName, exception }: SpanFilter, { events }: SampleRecord): boolean {
  if (eventName && !events.some(({ name }) => textMatches(eventName, name))) return false;
  return (
    !exception ||
    events.some(
      ({ name, attributes }) =>
        name === "exception" &&
        ["exception.type", "exception.message"].some((key) => {
          const text = attributes.get(key);
          return text !== undefined && textMatches(exception, text);
        }),
    )
  );
}

function attributeMatches(filter: AttributeFilter, attributes: ReadonlyMap<string, FixtureValue>): boolean {
  const present = attributes.get(filter.key);
  if (present === undefined) return false;
  const { comparison, value } = filter;
  if (comparison === Comparison.EXISTS) return true;
  const order = orderOf(present, value);
  switch (comparison) {
    case Comparison.NOT_EQUAL:
      return order !== 0;
    case Comparison.LESS:
      return order !== undefined && order < 0;
    case Comparison.LESS_OR_EQUAL:
      return order !== undefined && order <= 0;
    case Comparison.GREATER:
      return order !== undefined && order > 0;
    case Comparison.GREATER_OR_EQUAL:
      return order !== undefined && order >= 0;
    case Comparison.CONTAINS:
      return typeof present === "string" && typeof value.value === "string" && present.includes(value.value);
    default:
      return order === 0;
  }
}

/** How a value lies to another of the same type; undefined when it is of another type, or no number. */
function orderOf(present: FixtureValue, { case: type, value }: AttributeFilter["value"]): number | undefined {
  if (type === "stringValue" && typeof present === "string")
    return Buffer.compare(Buffer.from(present), Buffer.from(value));
  if (type === "intValue" && typeof present === "bigint") return present < value ? -1 : present > value ? 1 : 0;
  if (type === "boolValue" && typeof present === "boolean") return present === value ? 0 : 1;
  if (type !== "doubleValue" || typeof present !== "number" || Number.isNaN(present)) return undefined;
  return present < value ? -1 : present > value ? 1 : 0;
}
