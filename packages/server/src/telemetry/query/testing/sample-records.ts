import type { MessageInitShape } from "@bufbuild/protobuf";
import { attributeNames, hexToBytes, outcomes, spanTypes, traceIdOfJob } from "@spanloom/protocol";
import type {
  LogRecordSchema,
  SeverityNumber,
  Span_SpanKind,
  SpanSchema,
  Status_StatusCode,
} from "@spanloom/protocol/otlp";
import { attribute, type FixtureValue } from "../../ingest/otlp-fixture.ts";

/** Test fixture: records of a small world in which nearly every condition holds for some and not for others. */

/** A span or log record as a plain recomputation sees it. */
export interface SampleRecord {
  /** Tells records apart: the name of the id is the span's, the number the log record's. */
  id: string;
  traceId: string;
  parentId: string | undefined;
  /** Span name, or the body of a log record. */
  text: string;
  kind: Span_SpanKind;
  /** OTLP status code. */
  status: Status_StatusCode;
  severity: SeverityNumber;
  startNs: bigint;
  /** Absent while open. */
  durationNs: bigint | undefined;
  jobId: string | undefined;
  taskId: string | undefined;
  type: string;
  outcome: string;
  queue: string;
  runner: string;
  service: string;
  /** Span or record attributes, those that name its origin included. */
  attributes: ReadonlyMap<string, FixtureValue>;
  resource: ReadonlyMap<string, FixtureValue>;
  events: readonly { name: string; attributes: ReadonlyMap<string, string> }[];
}

/** When the first record may start. */
export const START_NS = 1_767_225_600_000_000_000n;

/** Values that records have, and that conditions name. */
export const pools = {
  texts: [
    "load",
    "Load",
    "load orders",
    "save",
    "",
    "'; DROP TABLE spans; --",
    "{p0:String}",
    "Ünï €",
    "a\\b\\tc",
    "tab\there",
    "new\nline",
    "nul\0byte",
    "100%_",
    "^load$",
  ],
  regexes: ["^load", "(?i)^LOAD", "a|e", "[A-Z]", "\\d+", "s$", "new.line", "€", "\\\\b", "^$", "\\x00", "(l)(o)"],
  jobs: [1, 2, 3].map((n) => `01900000-0000-7000-8000-00000000000${n}`),
  tasks: [1, 2].map((n) => `01900000-0000-7000-8000-0000000000a${n}`),
  /** Traces that no job owns. */
  traces: ["aa".repeat(16), "bb".repeat(16)],
  schedules: ["nightly", "o'rders"],
  queues: ["default", "o'queue", "Ünï", "tab\tqueue"],
  runners: ["runner-1", "runner\\2"],
  services: ["checkout", "cart's", "{p1:String}"],
  keys: ["n", "m", "k'ey", "http.status"],
  resourceKeys: ["zone", "port"],
  values: ["x", "5", "", "ab", "é", 5n, -7n, 2n ** 63n - 1n, -(2n ** 63n), 0n, 5, 0.1, -0, 1e300, 1e-7, true, false],
  /** Values that no condition can name, but attributes have. */
  otherValues: [Number.NaN, Number.POSITIVE_INFINITY, new Uint8Array([1, 2]), ["x", 5n], { map: [["x", 5n]] }, null],
  events: ["exception", "retry", "o'clock"],
  severities: [0, 1, 9, 13, 17, 24],
} satisfies Record<string, readonly unknown[]>;

/** Random choices of one seed. */
export class Choice {
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  of<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }

  chance(share: number): boolean {
    return this.random() < share;
  }
}

/** Makes records; the same choices make the same ones. */
export function sampleRecords(choose: Choice, count: number): SampleRecord[] {
  const resources = pools.services.map((service) => ({
    service,
    attributes: new Map<string, FixtureValue>([
      ["service.name", service],
      ...someAttributes(choose, pools.resourceKeys),
    ]),
  }));
  const ids = Array.from({ length: count }, (_, i) => (i + 1).toString(16).padStart(16, "0"));
  return ids.map((id) => sampleRecord(choose, { id, ids, ...choose.of(resources) }));
}

interface Surroundings {
  id: string;
  ids: readonly string[];
  service: string;
  attributes: ReadonlyMap<string, FixtureValue>;
}

function sampleRecord(choose: Choice, { id, ids, service, attributes: resource }: Surroundings): SampleRecord {
  const maybe = <Value>(value: Value) => (choose.chance(0.7) ? value : undefined);
  const jobId = maybe(choose.of(pools.jobs));
  const origin = {
    ...triggerAttributes(jobId),
    [attributeNames.jobId]: jobId,
    [attributeNames.taskId]: maybe(choose.of(pools.tasks)),
    [attributeNames.queue]: maybe(choose.of(pools.queues)),
    [attributeNames.runnerId]: maybe(choose.of(pools.runners)),
    [attributeNames.spanType]: maybe(choose.of(spanTypes)),
    [attributeNames.outcome]: maybe(choose.of(outcomes)),
  };
  const traces = [...pools.traces, ...pools.jobs.map(traceIdOfJob)];
  return {
    id,
    // Most rows of a job are in its own trace; some without a job are, too.
    traceId: jobId && choose.chance(0.6) ? traceIdOfJob(jobId) : choose.of(traces),
    parentId: choose.chance(0.7) ? choose.of(ids) : undefined,
    text: choose.of(pools.texts),
    kind: choose.below(6) as Span_SpanKind,
    status: choose.below(3) as Status_StatusCode,
    severity: choose.of(pools.severities) as SeverityNumber,
    startNs: START_NS + BigInt(choose.below(1000)),
    durationNs: choose.chance(0.2) ? undefined : BigInt(choose.below(5)),
    jobId,
    taskId: origin[attributeNames.taskId],
    type: origin[attributeNames.spanType] ?? "user",
    outcome: origin[attributeNames.outcome] ?? "",
    queue: origin[attributeNames.queue] ?? "",
    runner: origin[attributeNames.runnerId] ?? "",
    service,
    attributes: new Map([
      ...someAttributes(choose, pools.keys),
      ...Object.entries(origin).flatMap(([key, value]): [string, string][] =>
        value === undefined ? [] : [[key, value]],
      ),
    ]),
    resource,
    events: Array.from({ length: choose.below(3) }, () => ({
      name: choose.of(pools.events),
      attributes: new Map(
        ["exception.type", "exception.message", "other"]
          .filter(() => choose.chance(0.6))
          .map((key): [string, string] => [key, choose.of(pools.texts)]),
      ),
    })),
  };
}

/** What set the jobs of the world going; the first is of before that was told. */
export const triggerOfJobs: readonly { type: string; schedule?: string; trigger?: string }[] = [
  { type: "manual" },
  { type: "schedule", schedule: "nightly" },
  { type: "event", trigger: "o'rders" },
];

function triggerAttributes(jobId: string | undefined): Record<string, string | undefined> {
  const trigger = triggerOfJobs[pools.jobs.indexOf(jobId ?? "")];
  if (!trigger || trigger.type === "manual") return {};
  const { triggerType, scheduleName, triggerName } = attributeNames;
  return { [triggerType]: trigger.type, [scheduleName]: trigger.schedule, [triggerName]: trigger.trigger };
}

function someAttributes(choose: Choice, keys: readonly string[]): [string, FixtureValue][] {
  const value = () => (choose.chance(0.15) ? choose.of(pools.otherValues) : choose.of(pools.values));
  return keys.filter(() => choose.chance(0.6)).map((key) => [key, value() as FixtureValue]);
}

const keyValues = (map: ReadonlyMap<string, FixtureValue>) => [...map].map(([key, value]) => attribute(key, value));

/** The attributes of a record's resource, as OTLP has them. */
export function resourceOf({ resource }: SampleRecord): ReturnType<typeof keyValues> {
  return keyValues(resource);
}

/** A record as an OTLP span. */
export function asSpan(record: SampleRecord): MessageInitShape<typeof SpanSchema> {
  const { durationNs, startNs } = record;
  return {
    traceId: hexToBytes(record.traceId),
    spanId: hexToBytes(record.id),
    ...(record.parentId !== undefined && { parentSpanId: hexToBytes(record.parentId) }),
    name: record.text,
    kind: record.kind,
    startTimeUnixNano: startNs,
    endTimeUnixNano: durationNs === undefined ? 0n : startNs + durationNs,
    status: { code: record.status },
    attributes: keyValues(record.attributes),
    events: record.events.map(({ name, attributes }) => ({
      name,
      timeUnixNano: 1n,
      attributes: keyValues(attributes),
    })),
  };
}

/** A record as an OTLP log record, whose span is the record's parent. */
export function asLogRecord(record: SampleRecord): MessageInitShape<typeof LogRecordSchema> {
  return {
    traceId: hexToBytes(record.traceId),
    ...(record.parentId !== undefined && { spanId: hexToBytes(record.parentId) }),
    timeUnixNano: record.startNs,
    severityNumber: record.severity,
    body: { value: { case: "stringValue", value: record.text } },
    // Its own mark, as a log record has no id.
    attributes: [...keyValues(record.attributes), attribute("mark", record.id)],
  };
}
