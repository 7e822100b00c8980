import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type AttributeFilterSchema,
  Comparison,
  type LogFilterSchema,
  outcomes,
  type SpanFilterSchema,
  type TextMatchSchema,
  type TriggerFilterSchema,
  TriggerType,
  traceIdOfJob,
} from "@spanloom/protocol";
import { type Choice, pools, START_NS } from "./sample-records.ts";

type SpanFilterInit = Exclude<MessageInitShape<typeof SpanFilterSchema>, { $typeName: string }>;
type LogFilterInit = Exclude<MessageInitShape<typeof LogFilterSchema>, { $typeName: string }>;
type Conditions<Init> = Record<string, (choose: Choice) => Partial<Init>>;

const some = <Value>(choose: Choice, values: readonly Value[]): Value[] =>
  Array.from({ length: 1 + choose.below(3) }, () => choose.of(values));

const traces = [...pools.traces, ...pools.jobs.map(traceIdOfJob)];
const spanIds = Array.from({ length: 60 }, (_, i) => (i * 5 + 1).toString(16).padStart(16, "0"));

function time(choose: Choice): { start?: object; end?: object } {
  const at = () => {
    const ns = START_NS + BigInt(choose.below(1000));
    // Ends beyond what the store can hold are ends all the same.
    if (choose.chance(0.1)) return { seconds: choose.of([-1n, 2n ** 36n]), nanos: 0 };
    return { seconds: ns / 1_000_000_000n, nanos: Number(ns % 1_000_000_000n) };
  };
  return { ...(choose.chance(0.7) && { start: at() }), ...(choose.chance(0.7) && { end: at() }) };
}

function duration(choose: Choice): object {
  const at = () => ({ seconds: 0n, nanos: choose.below(5) });
  return { ...(choose.chance(0.7) && { min: at() }), ...(choose.chance(0.7) && { max: at() }) };
}

function textMatch(choose: Choice): MessageInitShape<typeof TextMatchSchema> {
  const text = choose.of(pools.texts);
  const part = text.slice(0, choose.below(text.length + 1));
  return choose.of([
    { match: { case: "exact" as const, value: text } },
    { match: { case: "prefix" as const, value: part } },
    { match: { case: "contains" as const, value: text.slice(part.length) } },
    { match: { case: "regex" as const, value: choose.of(pools.regexes) } },
  ]);
}

const ordered = [
  Comparison.UNSPECIFIED,
  Comparison.EQUAL,
  Comparison.NOT_EQUAL,
  Comparison.LESS,
  Comparison.LESS_OR_EQUAL,
  Comparison.GREATER,
  Comparison.GREATER_OR_EQUAL,
];

function attributeFilter(choose: Choice, keys: readonly string[]): MessageInitShape<typeof AttributeFilterSchema> {
  const key = choose.of([...keys, "absent"]);
  if (choose.chance(0.1)) return { key, comparison: Comparison.EXISTS };
  const value = choose.of(pools.values);
  if (typeof value === "boolean")
    return { key, comparison: choose.of(ordered.slice(0, 3)), value: { case: "boolValue", value } };
  if (typeof value === "bigint") return { key, comparison: choose.of(ordered), value: { case: "intValue", value } };
  if (typeof value === "number") return { key, comparison: choose.of(ordered), value: { case: "doubleValue", value } };
  return { key, comparison: choose.of([...ordered, Comparison.CONTAINS]), value: { case: "stringValue", value } };
}

const attributes = (choose: Choice, keys: readonly string[]) =>
  Array.from({ length: 1 + choose.below(2) }, () => attributeFilter(choose, keys));

function triggerFilter(choose: Choice): MessageInitShape<typeof TriggerFilterSchema> {
  const { MANUAL, SCHEDULE, EVENT, CLONE } = TriggerType;
  return {
    ...(choose.chance(0.7) && { types: some(choose, [MANUAL, SCHEDULE, EVENT, CLONE]) }),
    ...(choose.chance(0.3) && { schedules: some(choose, pools.schedules) }),
    ...(choose.chance(0.2) && { triggers: some(choose, pools.schedules) }),
  };
}

const shared: Conditions<SpanFilterInit & LogFilterInit> = {
  jobIds: (choose) => ({ jobIds: some(choose, pools.jobs) }),
  taskIds: (choose) => ({ taskIds: some(choose, pools.tasks) }),
  traceIds: (choose) => ({ traceIds: some(choose, traces) }),
  spanIds: (choose) => ({ spanIds: [...some(choose, spanIds), ...spanIds.slice(choose.below(60))] }),
  trigger: (choose) => ({ trigger: triggerFilter(choose) }),
  runnerIds: (choose) => ({ runnerIds: some(choose, [...pools.runners, ""]) }),
  services: (choose) => ({ services: some(choose, pools.services) }),
  time: (choose) => ({ time: time(choose) }),
  attributes: (choose) => ({ attributes: attributes(choose, pools.keys) }),
  resourceAttributes: (choose) => ({ resourceAttributes: attributes(choose, pools.resourceKeys) }),
};

const ofSpans: Conditions<SpanFilterInit> = {
  ...(shared as Conditions<SpanFilterInit>),
  parentSpanIds: (choose) => ({ parentSpanIds: some(choose, spanIds) }),
  types: (choose) => ({ types: some(choose, [1, 2, 3, 4]) }),
  names: (choose) => ({ names: Array.from({ length: 1 + choose.below(3) }, () => textMatch(choose)) }),
  kinds: (choose) => ({ kinds: some(choose, [0, 1, 2, 3, 4, 5]) }),
  statuses: (choose) => ({ statuses: some(choose, [1, 2, 3]) }),
  outcomes: (choose) => ({ outcomes: some(choose, outcomes) }),
  queues: (choose) => ({ queues: some(choose, [...pools.queues, ""]) }),
  duration: (choose) => ({ duration: duration(choose) }),
  eventName: (choose) => ({ eventName: choose.chance(0.5) ? exactly(choose.of(pools.events)) : textMatch(choose) }),
  exception: (choose) => ({ exception: textMatch(choose) }),
  open: (choose) => ({ open: choose.chance(0.5) }),
};

const exactly = (value: string) => ({ match: { case: "exact" as const, value } });

const ofLogs: Conditions<LogFilterInit> = {
  ...(shared as Conditions<LogFilterInit>),
  minSeverity: (choose) => ({ minSeverity: choose.below(26) }),
  body: (choose) => ({ body: textMatch(choose) }),
};

/** Names of all conditions, so that a test can see that each was made. */
export const conditionNames = { spans: Object.keys(ofSpans), logs: Object.keys(ofLogs) };

/** A random span filter that nests up to `depth` deep. */
export function randomSpanFilter(choose: Choice, depth: number): SpanFilterInit {
  return randomFilter(choose, ofSpans, depth);
}

/** A random log filter that nests up to `depth` deep. */
export function randomLogFilter(choose: Choice, depth: number): LogFilterInit {
  return randomFilter(choose, ofLogs, depth);
}

function randomFilter<Init extends object>(choose: Choice, conditions: Conditions<Init>, depth: number): Init {
  const names = Object.keys(conditions);
  // Many conditions at once match nothing, and then say little.
  const chosen = Array.from({ length: choose.below(depth > 0 ? 2 : 3) }, () => conditions[choose.of(names)]!(choose));
  const filter = Object.assign({}, ...chosen) as Init;
  if (depth === 0) return filter;
  const nested = () => randomFilter(choose, conditions, depth - 1);
  const several = () => Array.from({ length: 1 + choose.below(3) }, nested);
  return Object.assign(
    filter,
    choose.chance(0.3) && { and: several() },
    choose.chance(0.6) && { or: several() },
    choose.chance(0.4) && { not: nested() },
  );
}
