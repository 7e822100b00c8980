import { create, fromBinary } from "@bufbuild/protobuf";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import {
  AttemptOutcome,
  defaultLimits,
  ReleaseReason,
  type TaskFailure,
  TaskFailureResultSchema,
  TaskReleaseSchema,
  type TaskResult,
  TaskResultSchema,
  timestampFromUs,
} from "@spanloom/protocol";
import { type Span, SpanSchema } from "@spanloom/protocol/otlp";
import type { Attempt } from "./attempt.ts";
import { writeSpan } from "./tracing/encode-span.ts";
import { borrowWriter, giveBack, writeBounded } from "./tracing/write-bounded.ts";

/** What happened to an attempt, as it travels. */
export type Outcome = Exclude<TaskResult["outcome"], { case: undefined }>;

/** An attempt that failed by itself. */
export function failureResult(failure: TaskFailure): Outcome {
  return {
    case: "failure",
    value: create(TaskFailureResultSchema, { failure, outcome: AttemptOutcome.FAILURE }),
  };
}

/** An attempt given back; costs no retry. */
export function releaseResult(reason: Exclude<keyof typeof ReleaseReason, "UNSPECIFIED">): Outcome {
  return { case: "released", value: create(TaskReleaseSchema, { reason: ReleaseReason[reason] }) };
}

/** How an attempt ended: `lost` with its lease, `released` when it was given back. */
export type AttemptEnd = "success" | "failure" | "timeout" | "cancelled" | "lost" | "released";

/** How an attempt ended; without a result its lease was lost. */
export function attemptEndOf(result: TaskResult | undefined): AttemptEnd {
  if (!result) return "lost";
  const { outcome } = result;
  if (outcome.case !== "failure") return outcome.case === "success" ? "success" : "released";
  if (outcome.value.outcome === AttemptOutcome.TIMEOUT) return "timeout";
  return outcome.value.outcome === AttemptOutcome.CANCELLED ? "cancelled" : "failure";
}

/** The result of an attempt that ended now. */
export function toResult(attempt: Attempt, outcome: Outcome, endedAtUs: number): TaskResult {
  const { task, tracing } = attempt;
  const span = tracing.endSpan(endedAtUs);
  const attemptSpan = span && isMarked(span) ? toMessage(attempt, span) : undefined;
  const dropped = tracing.bufferIfUsed?.dropped ?? 0;
  return create(TaskResultSchema, {
    taskId: task.taskId,
    attempt: task.attempt,
    leaseToken: task.leaseToken,
    outcome,
    progress: attempt.progress,
    startedAt: timestampFromUs(tracing.startedAtUs || endedAtUs)!,
    endedAt: timestampFromUs(endedAtUs)!,
    ...(attemptSpan && { attemptSpan }),
    ...(dropped > 0 && { droppedTelemetry: BigInt(dropped) }),
  });
}

/** Whether the code put anything on its attempt's span. */
function isMarked(span: ReadableSpan): boolean {
  return span.events.length > 0 || span.links.length > 0 || Object.keys(span.attributes).length > 0;
}

/**
 * The span as it travels with a result; undefined when it cannot be encoded.
 *
 * Its texts are cut to fit the protocol's limit. What is too large even so, thousands of events, the server cuts.
 */
function toMessage(attempt: Attempt, span: ReadableSpan): Span | undefined {
  const writer = borrowWriter();
  const record = { span, clock: attempt.tracing.host.clock };
  const written =
    writeBounded(writer, writeSpan, record, defaultLimits.maxOutputBytes) || writeBounded(writer, writeSpan, record);
  const bytes = written ? writer.take() : undefined;
  giveBack(writer);
  attempt.spanBytes = bytes?.length ?? 0;
  return bytes && fromBinary(SpanSchema, bytes);
}
