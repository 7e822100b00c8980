import { hash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Limits, type SubmitJobRequest, SubmitJobRequestSchema } from "@spanloom/protocol";
import type { NewJob } from "../store/store.ts";
import { toJobConcurrencyRule } from "./admission-rules.ts";
import {
  boundedText,
  checkLimit,
  invalidField,
  optionalDurationMs,
  optionalTimestampUs,
  requiredText,
} from "./field.ts";
import { toNewTaskSet } from "./task-set.ts";
import { jobTrace } from "./trace.ts";

/** Queue of jobs that name none. */
export const DEFAULT_QUEUE = "default";

/** What a submission is judged by besides its request. */
export interface SubmissionContext {
  /** Id minted for the job. */
  jobId: string;
  nowUs: number;
  limits: Limits;
  /** Jobs and events in a row that led to whoever submits it. Default 0. */
  depth?: number;
}

/**
 * Validates a submission and fills in its defaults.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED, INVALID_DEPENDENCY; each names the field's path in the request.
 * Source: proto/spanloom/v1/job_service.proto SubmitJobRequest; design protocol 3 and 6.
 */
export function toNewJob(request: SubmitJobRequest, context: SubmissionContext): NewJob {
  const { jobId, nowUs, limits, depth = 0 } = context;
  if (request.tasks === undefined) throw invalidField("tasks", "is absent: a job has at least one task");
  const name = requiredText("name", request.name, limits.maxNameBytes);
  const startAtUs = optionalTimestampUs("start_at", request.startAt);
  const deadlineMs = optionalDurationMs("deadline", request.deadline);
  if (deadlineMs === 0) throw invalidField("deadline", "is 0 ms: leave it out for no deadline");
  return {
    id: jobId,
    name,
    tasks: toNewTaskSet(request.tasks, "tasks", limits),
    tags: checkedTags(request.tags, limits),
    queue: boundedText("queue", request.queue, limits.maxNameBytes) || DEFAULT_QUEUE,
    priority: request.priority,
    ...(startAtUs !== undefined && startAtUs > nowUs && { startAtUs }),
    ...(deadlineMs !== undefined && { deadlineUs: nowUs + Math.round(deadlineMs * 1000) }),
    idempotencyKey: boundedText("idempotency_key", request.idempotencyKey, limits.maxNameBytes),
    requestHash: request.idempotencyKey === "" ? "" : requestHash(request),
    trace: jobTrace(jobId, request.trace, request.traceMode),
    ...(request.concurrency && { concurrency: toJobConcurrencyRule(request.concurrency, "concurrency", limits) }),
    ...(depth > 0 && { trigger: { type: "manual", depth } }),
  };
}

/** Refuses tags over their limits. */
export function checkedTags(tags: Readonly<Record<string, string>>, limits: Limits): Readonly<Record<string, string>> {
  const entries = Object.entries(tags);
  checkLimit("tags", entries.length, limits.maxTags, "tags");
  for (const [key, value] of entries) {
    requiredText("tags key", key, limits.maxTagBytes);
    boundedText(`tags[${JSON.stringify(key)}]`, value, limits.maxTagBytes);
  }
  return tags;
}

/**
 * Hash of what a submission asks for: hex SHA-256 of its encoding, tags in key order, without key and trace context.
 *
 * The trace context is left out because a caller that asks again under the same key does so from another span.
 */
export function requestHash(request: SubmitJobRequest): string {
  const tags = Object.fromEntries(Object.entries(request.tags).sort(([a], [b]) => (a < b ? -1 : 1)));
  const { $typeName, $unknown, trace, ...rest } = request;
  const canonical = create(SubmitJobRequestSchema, { ...rest, tags, idempotencyKey: "" });
  return hash("sha256", toBinary(SubmitJobRequestSchema, canonical, { writeUnknownFields: false }));
}
