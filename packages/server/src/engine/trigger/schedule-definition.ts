import { create } from "@bufbuild/protobuf";
import { type Duration, TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  CronTimesSchema,
  durationFromMs,
  IntervalTimesSchema,
  type Limits,
  OverlapPolicy,
  type PutScheduleRequest,
  PutScheduleRequestSchema,
  type ScheduleSpec as ScheduleSpecMessage,
  ScheduleSpecSchema,
  timestampFromUs,
} from "@spanloom/protocol";
import {
  boundedText,
  checkLimit,
  invalidField,
  optionalDurationMs,
  optionalTimestampUs,
  requiredText,
} from "../field.ts";
import { canonicalJob, type JobTemplate, readJobTemplate } from "./job-template.ts";
import { parseSchedule, type ScheduleSpec } from "./schedule-times.ts";

/** What a time of a schedule does while a job of an earlier one has not ended. */
export type Overlap = "skip" | "queueOne" | "allow" | "cancelRunning";

/** When a schedule fires. */
export interface ScheduleTimes {
  spec: ScheduleSpec;
  /** A time is put off by up to this. */
  jitterUs: number;
}

/** A schedule's definition, read and checked. */
export interface ScheduleDefinition extends ScheduleTimes {
  name: string;
  description: string;
  template: JobTemplate;
  overlap: Overlap;
  catchUpUs: number;
  keepFirings: number;
}

const DAY_MS = 86_400_000;
const MAX_JITTER_MS = DAY_MS;
const MAX_SPAN_MS = 366 * DAY_MS;
const DEFAULT_KEPT = 100;

/**
 * Reads a schedule's definition.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED, INVALID_DEPENDENCY, naming the field.
 * Source: proto/spanloom/v1/trigger_service.proto PutScheduleRequest.
 */
export function readSchedule(request: PutScheduleRequest, limits: Limits): ScheduleDefinition {
  const overlap = readOverlap(request.overlap);
  if (request.job?.concurrency && overlap !== "allow")
    throw invalidField("job.concurrency", "is given: the overlap policy says it, unless that is ALLOW");
  return {
    name: requiredText("name", request.name, limits.maxNameBytes),
    description: boundedText("description", request.description, limits.maxDescriptionBytes),
    ...readTimes(request.spec),
    template: readJobTemplate(request.job, limits),
    overlap,
    catchUpUs: readCatchUpUs(request.catchUp),
    keepFirings: readKeepFirings(request.keepFirings, limits),
  };
}

/** Reads when a schedule fires. Errors: INVALID_FIELD, naming the field below `spec`. */
export function readTimes(message: ScheduleSpecMessage | undefined): ScheduleTimes {
  if (message?.times.case === undefined) throw invalidField("spec", "is absent: one of cron, interval and once");
  const jitterMs = optionalDurationMs("spec.jitter", message.jitter, { minMs: 0, maxMs: MAX_JITTER_MS }) ?? 0;
  return { spec: readSpec(message.times), jitterUs: toUs(jitterMs) };
}

/** Reads how far back times are made up for; 0 when absent. Errors: INVALID_FIELD. */
export function readCatchUpUs(catchUp: Duration | undefined): number {
  return toUs(optionalDurationMs("catch_up", catchUp, { minMs: 0, maxMs: MAX_SPAN_MS }) ?? 0);
}

type GivenTimes = Exclude<ScheduleSpecMessage["times"], { case: undefined }>;

function readSpec(times: GivenTimes): ScheduleSpec {
  switch (times.case) {
    case "cron": {
      const { expression, timeZone } = times.value;
      return parseSchedule({ kind: "cron", expression, timeZone });
    }
    case "interval": {
      const { every, anchor } = times.value;
      const everyMs = optionalDurationMs("spec.interval.every", every, { minMs: 1_000, maxMs: MAX_SPAN_MS });
      if (everyMs === undefined) throw invalidField("spec.interval.every", "is absent");
      const anchorUs = optionalTimestampUs("spec.interval.anchor", anchor) ?? 0;
      return parseSchedule({ kind: "interval", everyUs: toUs(everyMs), anchorUs });
    }
    case "once":
      return parseSchedule({ kind: "once", atUs: optionalTimestampUs("spec.once", times.value) ?? 0 });
  }
}

const overlaps: Partial<Record<OverlapPolicy, Overlap>> = {
  [OverlapPolicy.UNSPECIFIED]: "skip",
  [OverlapPolicy.SKIP]: "skip",
  [OverlapPolicy.QUEUE_ONE]: "queueOne",
  [OverlapPolicy.ALLOW]: "allow",
  [OverlapPolicy.CANCEL_RUNNING]: "cancelRunning",
};

function readOverlap(policy: OverlapPolicy): Overlap {
  const known = overlaps[policy];
  if (known === undefined) throw invalidField("overlap", `is ${policy}, which this server does not know`);
  return known;
}

/** Reads how many firings are kept, of a schedule or trigger. Errors: LIMIT_EXCEEDED. */
export function readKeepFirings(value: number, limits: Limits): number {
  checkLimit("keep_firings", value, limits.maxKeptFirings, "firings");
  return value === 0 ? DEFAULT_KEPT : value;
}

/**
 * The one request that means what a definition says: the same content always has the same encoding.
 *
 * Whether it is paused is no part of it.
 */
export function canonicalSchedule(request: PutScheduleRequest, definition: ScheduleDefinition): PutScheduleRequest {
  const { $typeName, $unknown, spec: _given, job, catchUp: _absent, ...fields } = request;
  const { catchUpUs, keepFirings } = definition;
  return create(PutScheduleRequestSchema, {
    ...fields,
    spec: canonicalTimes(definition),
    ...(job && { job: canonicalJob(job) }),
    ...(catchUpUs > 0 && { catchUp: durationFromMs(catchUpUs / 1000) }),
    overlap: request.overlap || OverlapPolicy.SKIP,
    keepFirings,
    paused: false,
  });
}

function canonicalTimes({ spec, jitterUs }: ScheduleTimes): ScheduleSpecMessage {
  const jitter = jitterUs > 0 ? { jitter: durationFromMs(jitterUs / 1000) } : {};
  return create(ScheduleSpecSchema, { times: timesMessage(spec), ...jitter });
}

function timesMessage(spec: ScheduleSpec): ScheduleSpecMessage["times"] {
  switch (spec.kind) {
    case "cron": {
      const { expression, timeZone } = spec;
      return { case: "cron", value: create(CronTimesSchema, { expression, timeZone }) };
    }
    case "interval": {
      const every = durationFromMs(spec.everyUs / 1000);
      const anchor = timestampFromUs(spec.anchorUs);
      return {
        case: "interval",
        value: create(IntervalTimesSchema, { every, ...(anchor && spec.anchorUs > 0 && { anchor }) }),
      };
    }
    case "once":
      return { case: "once", value: timestampFromUs(spec.atUs) ?? create(TimestampSchema) };
  }
}

function toUs(ms: number): number {
  return Math.round(ms * 1000);
}
