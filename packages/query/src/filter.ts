import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  type AttributeFilter,
  type DurationRange,
  DurationRangeSchema,
  type LogFilter,
  LogFilterSchema,
  type SpanFilter,
  SpanFilterSchema,
  SpanStatus,
  SpanType,
  type TextMatch,
  TextMatchSchema,
  type TimeRange,
  TimeRangeSchema,
  type TriggerFilter,
  TriggerFilterSchema,
  TriggerType,
} from "@spanloom/protocol";
import { attributeAlternatives } from "./attribute-filter.ts";
import type {
  DurationCondition,
  LogConditions,
  OneOrMany,
  Severity,
  SpanConditions,
  TextCondition,
  TimeCondition,
  TimePoint,
  TriggerCondition,
  TriggerTypeName,
} from "./conditions.ts";
import { invalidField } from "./invalid.ts";

/**
 * Conditions in their object form as the protocol's filters.
 *
 * I1. What the object says and the filter says is the same: an empty list matches nothing, although the protocol's
 *     empty list means "no condition"; undefined means "no condition".
 * I2. What the protocol cannot express is refused here with INVALID_FIELD, naming the condition and the value.
 */

const typeNumbers = {
  job: SpanType.JOB,
  task: SpanType.TASK,
  attempt: SpanType.ATTEMPT,
  user: SpanType.USER,
} as const;

const statusNumbers = { UNSET: SpanStatus.UNSET, OK: SpanStatus.OK, ERROR: SpanStatus.ERROR } as const;

const kindNumbers = { UNSPECIFIED: 0, INTERNAL: 1, SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 } as const;

const triggerNumbers = {
  manual: TriggerType.MANUAL,
  schedule: TriggerType.SCHEDULE,
  event: TriggerType.EVENT,
  webhook: TriggerType.WEBHOOK,
  clone: TriggerType.CLONE,
} as const satisfies Record<TriggerTypeName, TriggerType>;

const severityNumbers = { TRACE: 1, DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17, FATAL: 21 } as const;

const knownSpanConditions: ReadonlySet<string> = new Set<keyof SpanConditions>([
  "job",
  "trigger",
  "task",
  "trace",
  "span",
  "parent",
  "name",
  "type",
  "kind",
  "status",
  "outcome",
  "queue",
  "runner",
  "service",
  "start",
  "durationMs",
  "open",
  "attributes",
  "resource",
  "event",
  "exception",
  "and",
  "or",
  "not",
]);

const knownTriggerConditions: ReadonlySet<string> = new Set<keyof TriggerCondition>(["type", "schedule", "trigger"]);

const knownLogConditions: ReadonlySet<string> = new Set<keyof LogConditions>([
  "job",
  "trigger",
  "task",
  "trace",
  "span",
  "minSeverity",
  "body",
  "start",
  "runner",
  "service",
  "attributes",
  "resource",
  "and",
  "or",
  "not",
]);

/**
 * Conditions on spans as the protocol's filter.
 *
 * Errors: INVALID_FIELD for an unknown condition or a value outside its domain.
 */
export function toSpanFilter(conditions: SpanConditions): SpanFilter {
  refuseUnknown(conditions, knownSpanConditions);
  const { attributes, resourceAttributes, nested } = extraConditions(conditions);
  return create(SpanFilterSchema, {
    jobIds: list(conditions.job),
    ...(conditions.trigger && { trigger: triggerFilter(conditions.trigger) }),
    taskIds: list(conditions.task),
    traceIds: hexList("trace", conditions.trace, 32),
    spanIds: hexList("span", conditions.span, 16),
    parentSpanIds: hexList("parent", conditions.parent, 16),
    names: list(conditions.name).map((match) => textMatch("name", match)),
    types: list(conditions.type).map((name) => numberOf("type", name, typeNumbers)),
    kinds: list(conditions.kind).map((name) => numberOf("kind", name, kindNumbers)),
    statuses: list(conditions.status).map((name) => numberOf("status", name, statusNumbers)),
    outcomes: list(conditions.outcome),
    queues: list(conditions.queue),
    runnerIds: list(conditions.runner),
    services: list(conditions.service),
    ...(conditions.start && { time: timeRange("start", conditions.start) }),
    ...(conditions.durationMs && { duration: durationRange("durationMs", conditions.durationMs) }),
    ...(conditions.open !== undefined && { open: conditions.open }),
    ...(conditions.event !== undefined && { eventName: textMatch("event", conditions.event) }),
    ...(conditions.exception !== undefined && { exception: textMatch("exception", conditions.exception) }),
    attributes,
    resourceAttributes,
    and: [...(conditions.and ?? []).map(toSpanFilter), ...nested.map((init) => create(SpanFilterSchema, init))],
    or: (conditions.or ?? []).map(toSpanFilter),
    ...(conditions.not && { not: toSpanFilter(conditions.not) }),
  });
}

/**
 * Conditions on log records as the protocol's filter.
 *
 * Errors: INVALID_FIELD for an unknown condition or a value outside its domain.
 */
export function toLogFilter(conditions: LogConditions): LogFilter {
  refuseUnknown(conditions, knownLogConditions);
  const { attributes, resourceAttributes, nested } = extraConditions(conditions);
  return create(LogFilterSchema, {
    jobIds: list(conditions.job),
    ...(conditions.trigger && { trigger: triggerFilter(conditions.trigger) }),
    taskIds: list(conditions.task),
    traceIds: hexList("trace", conditions.trace, 32),
    spanIds: hexList("span", conditions.span, 16),
    ...(conditions.minSeverity !== undefined && { minSeverity: severityNumber(conditions.minSeverity) }),
    ...(conditions.body !== undefined && { body: textMatch("body", conditions.body) }),
    ...(conditions.start && { time: timeRange("start", conditions.start) }),
    services: list(conditions.service),
    runnerIds: list(conditions.runner),
    attributes,
    resourceAttributes,
    and: [...(conditions.and ?? []).map(toLogFilter), ...nested.map((init) => create(LogFilterSchema, init))],
    or: (conditions.or ?? []).map(toLogFilter),
    ...(conditions.not && { not: toLogFilter(conditions.not) }),
  });
}

function triggerFilter(condition: TriggerCondition): TriggerFilter {
  refuseUnknown(condition, knownTriggerConditions, "trigger");
  return create(TriggerFilterSchema, {
    types: list(condition.type).map((name) => numberOf("trigger.type", name, triggerNumbers)),
    schedules: list(condition.schedule),
    triggers: list(condition.trigger),
  });
}

function refuseUnknown(conditions: object, known: ReadonlySet<string>, field = "condition"): void {
  for (const name of Object.keys(conditions)) {
    if (!known.has(name)) throw invalidField(field, name, `is not known; known are ${[...known].join(", ")}`);
  }
}

function hasEmptyList(conditions: object): boolean {
  return Object.entries(conditions).some(
    ([name, value]) => name !== "and" && Array.isArray(value) && value.length === 0,
  );
}

function list<Value>(values: OneOrMany<Value> | undefined): Value[] {
  if (values === undefined) return [];
  return Array.isArray(values) ? [...values] : [values as Value];
}

function hexList(field: string, values: OneOrMany<string> | undefined, digits: number): string[] {
  return list(values).map((text) => {
    const lower = text.toLowerCase();
    if (lower.length !== digits || /[^0-9a-f]/.test(lower))
      throw invalidField(field, text, `is not ${digits} hex digits`);
    return lower;
  });
}

function numberOf<Name extends string, Value extends number>(
  field: string,
  name: Name,
  numbers: Readonly<Record<Name, Value>>,
): Value {
  if (!Object.hasOwn(numbers, name))
    throw invalidField(field, name, `is not one of ${Object.keys(numbers).join(", ")}`);
  return numbers[name];
}

function severityNumber(severity: Severity): number {
  if (typeof severity === "string") return numberOf("minSeverity", severity, severityNumbers);
  if (!Number.isInteger(severity) || severity < 1 || severity > 24)
    throw invalidField("minSeverity", severity, "is not a whole number from 1 to 24");
  return severity;
}

const textCases = ["exact", "prefix", "contains", "regex"] as const;

function textMatch(field: string, condition: TextCondition): TextMatch {
  if (typeof condition === "string") return create(TextMatchSchema, { match: { case: "exact", value: condition } });
  const entries = Object.entries(condition ?? {}) as [(typeof textCases)[number], unknown][];
  const [name, value] = entries[0] ?? [];
  if (entries.length !== 1 || name === undefined || !textCases.includes(name) || typeof value !== "string")
    throw invalidField(field, condition, `is neither text nor one of ${textCases.join(", ")}`);
  return create(TextMatchSchema, { match: { case: name, value } });
}

function timeRange(field: string, { from, to }: TimeCondition): TimeRange {
  return create(TimeRangeSchema, {
    ...(from !== undefined && { start: timestamp(`${field}.from`, from) }),
    ...(to !== undefined && { end: timestamp(`${field}.to`, to) }),
  });
}

function timestamp(field: string, point: TimePoint): Timestamp {
  if (typeof point !== "bigint" && !(point instanceof Date && Number.isFinite(point.getTime())))
    throw invalidField(field, point, "is neither a valid Date nor a bigint of epoch nanoseconds");
  const ns = typeof point === "bigint" ? point : BigInt(point.getTime()) * 1_000_000n;
  const nanos = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return create(TimestampSchema, { seconds: (ns - nanos) / 1_000_000_000n, nanos: Number(nanos) });
}

function durationRange(field: string, { min, max }: DurationCondition): DurationRange {
  return create(DurationRangeSchema, {
    ...(min !== undefined && { min: duration(`${field}.min`, min) }),
    ...(max !== undefined && { max: duration(`${field}.max`, max) }),
  });
}

/** Milliseconds, fractions allowed, as the protocol's duration. Errors: INVALID_FIELD. */
export function duration(field: string, ms: number): Duration {
  if (!Number.isFinite(ms) || ms < 0) throw invalidField(field, ms, "is not a number of milliseconds from 0");
  const seconds = Math.floor(ms / 1000);
  // Rounding the rest can reach a whole second: 999.9999999 ms.
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(Math.round((ms - seconds * 1000) * 1e6));
  return create(DurationSchema, { seconds: ns / 1_000_000_000n, nanos: Number(ns % 1_000_000_000n) });
}

interface ExtraConditions {
  attributes: AttributeFilter[];
  resourceAttributes: AttributeFilter[];
  /** Further conditions that must hold, each a filter of its own. */
  nested: (
    | { or: { attributes?: AttributeFilter[]; resourceAttributes?: AttributeFilter[] }[] }
    | { not: Record<string, never> }
  )[];
}

/** Conditions that have no field of their own: attributes with alternatives, and lists that match nothing (I1). */
function extraConditions(conditions: SpanConditions | LogConditions): ExtraConditions {
  const extra: ExtraConditions = { attributes: [], resourceAttributes: [], nested: [] };
  for (const any of attributeAlternatives("attributes", conditions.attributes ?? {})) {
    if (any.length === 1) extra.attributes.push(any[0]);
    else extra.nested.push({ or: any.map((each) => ({ attributes: [each] })) });
  }
  for (const any of attributeAlternatives("resource", conditions.resource ?? {})) {
    if (any.length === 1) extra.resourceAttributes.push(any[0]);
    else extra.nested.push({ or: any.map((each) => ({ resourceAttributes: [each] })) });
  }
  if (hasEmptyList(conditions) || hasEmptyList(conditions.trigger ?? {})) extra.nested.push({ not: {} });
  return extra;
}
