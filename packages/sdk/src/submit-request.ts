import { create } from "@bufbuild/protobuf";
import {
  durationFromMs,
  IdGenerator,
  type SubmitJobRequest,
  SubmitJobRequestSchema,
  TraceMode,
} from "@spanloom/protocol";
import { type JobConcurrencyOptions, toConcurrency } from "./admission.ts";
import type { TraceCarrier } from "./carrier.ts";
import { timestampOf } from "./date-of.ts";
import { checkRange, type RetryOptions } from "./retry.ts";
import { SubmissionBuilder } from "./submission-builder.ts";
import { carrierOfSubmission, type SubmissionTrace, tagsWithoutTrace } from "./submission-trace.ts";
import type { TaskDefinition } from "./task.ts";

/** Options of a job. */
export interface JobOptions {
  /** Name of the job, 1..256 bytes. Default: the task's name. */
  name?: string;
  /**
   * Text by name to find it again by, at most 64. A `traceparent` among them, with `tracestate` and `baggage`, is taken as
   * the trace context and not as tags.
   */
  tags?: Record<string, string>;
  /** Queue of tasks that name none. Default `default`. */
  queue?: string;
  /** Priority of tasks that name none; higher runs first. Default 0. */
  priority?: number;
  /** Submitting the same key with the same request again returns the job made before. Default: a new random key. */
  idempotencyKey?: string;
  /** Do not start before this. */
  startAt?: Date;
  /** The job fails unless it has ended this long after submission. */
  deadlineMs?: number;
  /** Whether the job's span is a child of the submitter's, or starts a trace of its own linked to it. Default `child`. */
  traceMode?: "child" | "link";
  /** Trace context of the submitter. Default: that among the tags, else that of the active span; false sends none. */
  trace?: TraceCarrier | false;
  /** At most so many jobs that share a key are admitted at once; a job holds its place until it ends. */
  concurrency?: JobConcurrencyOptions;
  /** Retry policy of the root task. */
  retry?: RetryOptions;
  /** Text for people on the root task. */
  display?: string;
}

/** Options of many jobs at once. */
export interface ManyJobOptions extends Omit<JobOptions, "idempotencyKey" | "display"> {
  /** Idempotency keys, one for each input. */
  idempotencyKeys?: readonly string[];
  /** Text for people on the root tasks, one for each input. */
  displays?: readonly string[];
  /** Whether the client makes one span for all jobs, or one for each. Default `batch`. */
  spans?: "batch" | "each";
}

/** Makes submit requests, each with an idempotency key of its own. */
export class SubmitRequests {
  readonly #ids = new IdGenerator();

  /** An idempotency key for a submission that is not made here. */
  newKey(): string {
    return this.#ids.next();
  }

  /** The request for a job made of what the builder holds. */
  make(builder: SubmissionBuilder, name: string, options: JobOptions): SubmitJobRequest {
    const startAt = timestampOf(options.startAt);
    return create(SubmitJobRequestSchema, {
      ...jobFields(builder, { name, owner: `cannot submit job "${name}"` }, options),
      idempotencyKey: options.idempotencyKey ?? this.#ids.next(),
      ...(startAt && { startAt }),
      ...traceFields(options),
    });
  }
}

/** What says what a job is, and not when and for whom it is submitted. */
export type JobContentOptions = Pick<JobOptions, "tags" | "queue" | "priority" | "deadlineMs" | "concurrency">;

/** What a request says of the job itself. Errors: INVALID_FIELD; `owner` starts the message. */
export function jobFields(
  builder: SubmissionBuilder,
  { name, owner }: { name: string; owner: string },
  options: JobContentOptions,
) {
  checkRange(options.priority, [-(2 ** 31), 2 ** 31 - 1], { owner, field: "priority", whole: true });
  checkRange(options.deadlineMs, [1, Number.MAX_SAFE_INTEGER], { owner, field: "deadlineMs" });
  return {
    name,
    tasks: builder.build(),
    tags: tagsWithoutTrace(options.tags),
    queue: options.queue ?? "",
    priority: options.priority ?? 0,
    ...(options.deadlineMs !== undefined && { deadline: durationFromMs(options.deadlineMs) }),
    ...(options.concurrency && { concurrency: toConcurrency(options.concurrency, owner) }),
  };
}

/** A submission of one task. */
export function rootOf<Input>(
  task: TaskDefinition<Input, unknown>,
  input: Input | undefined,
  { retry, display }: Pick<JobOptions, "retry" | "display">,
): SubmissionBuilder {
  const builder = new SubmissionBuilder();
  const options = { ...(retry && { retry }), ...(display !== undefined && { display }) };
  builder.submit(task as TaskDefinition<unknown, unknown>, input, options);
  return builder;
}

/** How a request says where its job's span belongs. */
export function traceFields(submission: SubmissionTrace & { traceMode?: "child" | "link" | undefined }) {
  const carrier = carrierOfSubmission(submission);
  return {
    ...(carrier && { trace: { tracestate: "", baggage: "", ...carrier } }),
    traceMode: submission.traceMode === "link" ? TraceMode.LINK : TraceMode.CHILD,
  };
}
