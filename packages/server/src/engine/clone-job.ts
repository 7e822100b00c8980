import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type CloneJobRequest,
  CloneJobRequestSchema,
  type Limits,
  parseTraceparent,
  spanIdOf,
} from "@spanloom/protocol";
import type { NewJob, NewJobTrace, NewTaskSet } from "../store/store.ts";
import { boundedText, checkLimit, invalidField } from "./field.ts";
import { checkedTags, type SubmissionContext } from "./submission.ts";
import { toNewTaskSet } from "./task-set.ts";
import { jobTrace } from "./trace.ts";

/** The job to clone. */
export interface Original {
  /** As it was submitted. */
  submission: NewJob;
  createdAtUs: number;
}

/**
 * Makes a submission from another job's, with edits.
 *
 * The clone starts now, in the trace of whoever clones or else one of its own, and links to the original's span; it has as
 * long as the original had. Tags are merged, an edited one wins. The original's idempotency key and start time are its own.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED, INVALID_DEPENDENCY; each names the field's path in the request.
 * Source: proto/spanloom/v1/job_service.proto CloneJobRequest.
 */
export function toClonedJob(
  request: CloneJobRequest,
  { submission, createdAtUs }: Original,
  { jobId, nowUs, limits, depth = 0 }: SubmissionContext,
): NewJob {
  const { startAtUs: _past, deadlineUs, trace, ...kept } = submission;
  return {
    ...kept,
    id: jobId,
    ...edits(request, submission, limits),
    tags: checkedTags({ ...submission.tags, ...request.tags }, limits),
    ...(deadlineUs !== undefined && { deadlineUs: nowUs + deadlineUs - createdAtUs }),
    idempotencyKey: boundedText("idempotency_key", request.idempotencyKey, limits.maxNameBytes),
    requestHash: request.idempotencyKey === "" ? "" : cloneHash(request),
    trace: cloneTrace(request, submission, jobId),
    trigger: { type: "clone", clonedJobId: submission.id, depth },
  };
}

/** A caller without a valid trace context says nothing of it: baggage and sampling are then the original's. */
function cloneTrace({ trace: context, traceMode }: CloneJobRequest, { id, trace }: NewJob, jobId: string): NewJobTrace {
  const { link: submitterLink, ...own } = jobTrace(jobId, context, traceMode);
  const isTold = parseTraceparent(context?.traceparent ?? "") !== undefined;
  return {
    ...own,
    link: { traceId: trace.traceId, spanId: spanIdOf(id), type: "clone" },
    ...(submitterLink && { submitterLink }),
    baggage: own.baggage || trace.baggage,
    sampled: isTold ? own.sampled : trace.sampled,
  };
}

function edits({ name, tasks, inputs }: CloneJobRequest, original: NewJob, limits: Limits): Partial<NewJob> {
  const isInput = Object.keys(inputs).length > 0;
  if (isInput && tasks !== undefined) throw invalidField("inputs", "is given together with tasks: give one of them");
  return {
    ...(name !== "" && { name: boundedText("name", name, limits.maxNameBytes) }),
    ...(tasks !== undefined && { tasks: toNewTaskSet(tasks, "tasks", limits) }),
    ...(isInput && { tasks: withInputs(original.tasks, inputs, limits) }),
  };
}

/** A set whose tasks at some places, counted through its groups, have other inputs. */
function withInputs(set: NewTaskSet, inputs: CloneJobRequest["inputs"], limits: Limits): NewTaskSet {
  const count = set.groups.reduce((sum, group) => sum + group.inputs.length, 0);
  for (const [place, input] of Object.entries(inputs)) {
    if (Number(place) >= count) throw invalidField("inputs", `names root ${place}, but there are ${count}`);
    checkLimit(`inputs[${place}]`, input.length, limits.maxInputBytes, "bytes");
  }
  let first = 0;
  const groups = set.groups.map((group) => {
    const from = first;
    first += group.inputs.length;
    return { ...group, inputs: group.inputs.map((input, at) => inputs[from + at] ?? input) };
  });
  return { ...set, groups };
}

/**
 * Hash of what a clone asks for, without key and trace context as of a submission, whose hash it never equals: the text
 * before the request differs.
 */
function cloneHash(request: CloneJobRequest): string {
  const tags = Object.fromEntries(Object.entries(request.tags).sort(([a], [b]) => (a < b ? -1 : 1)));
  const { $typeName, $unknown, trace, ...rest } = request;
  const canonical = create(CloneJobRequestSchema, { ...rest, tags, idempotencyKey: "" });
  return createHash("sha256")
    .update("CloneJob")
    .update(toBinary(CloneJobRequestSchema, canonical, { writeUnknownFields: false }))
    .digest("hex");
}
