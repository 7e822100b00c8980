import {
  AttemptOutcome,
  isUuid,
  type Limits,
  type Progress,
  ReleaseReason,
  SpanloomError,
  type TaskFailure,
  type TaskResult,
} from "@spanloom/protocol";
import type { AttemptReport, AttemptResult, Failure, ProgressRecord } from "../store/store.ts";
import { NO_SPAN_EXTRAS, toSpanExtras } from "./attempt-span.ts";
import { boundedText, checkLimit, invalidField, optionalDurationMs } from "./field.ts";
import { LEASE_TOKEN_BYTES } from "./lease.ts";
import { MAX_DISPLAY_BYTES, toNewTaskSet } from "./task-set.ts";
import { quote } from "./version.ts";

const MAX_FAILURE_TYPE_BYTES = 256;

/** Error type of attempts whose result broke a rule. */
export const INVALID_RESULT = "InvalidResult";

/**
 * A result after validation.
 *
 * `report` is what to hand to the store: of an invalid result, a failure of type InvalidResult that is not tried again.
 * It is undefined when the result does not even name a lease.
 */
export interface CheckedResult {
  report: AttemptReport | undefined;
  /** Why the result is invalid; undefined when it is not. */
  error: SpanloomError | undefined;
}

/**
 * Validates one reported result. Never throws: one bad result must not spoil its batch.
 *
 * Failure texts, display and progress beyond their limits are cut; outputs and children beyond theirs are invalid.
 *
 * Source: proto/spanloom/v1/task.proto TaskResult; design protocol 4 and 6.
 */
export function checkResult(result: TaskResult, limits: Limits): CheckedResult {
  const lease = { taskId: result.taskId, attempt: result.attempt, token: result.leaseToken };
  try {
    checkLease(lease);
  } catch (error) {
    // The caller acknowledges this one as INVALID; there is no attempt to record it on.
    return { report: undefined, error: asSpanloomError(error) };
  }
  const common = {
    ...lease,
    progress: NO_PROGRESS,
    spanExtras: NO_SPAN_EXTRAS,
    droppedTelemetry: clampCount(result.droppedTelemetry),
  };
  try {
    const progress = toProgress(result.progress, "progress", limits);
    const spanExtras = toSpanExtras(result.attemptSpan, limits);
    return { report: { ...common, progress, spanExtras, result: toAttemptResult(result, limits) }, error: undefined };
  } catch (error) {
    // Not dropped: it becomes the attempt's failure and the acknowledgement's error.
    const known = asSpanloomError(error);
    return { report: { ...common, result: invalidResult(known, limits) }, error: known };
  }
}

const NO_PROGRESS: readonly ProgressRecord[] = [];

function asSpanloomError(error: unknown): SpanloomError {
  if (error instanceof SpanloomError) return error;
  return new SpanloomError("INVALID_FIELD", `cannot read result: ${String(error)}`, {}, { cause: error });
}

function checkLease({ taskId, attempt, token }: { taskId: string; attempt: number; token: Uint8Array }): void {
  if (!isUuid(taskId)) throw invalidField("task_id", `is ${quote(taskId)}, not a lower-case UUID`);
  if (attempt < 1) throw invalidField("attempt", `is ${attempt}: attempts count from 1`);
  if (token.length !== LEASE_TOKEN_BYTES) {
    throw invalidField("lease_token", `has ${token.length} bytes instead of ${LEASE_TOKEN_BYTES}`);
  }
}

function invalidResult(error: SpanloomError, limits: Limits): AttemptResult {
  const failure = { type: INVALID_RESULT, message: cut(error.message, limits.maxFailureMessageBytes), stack: "" };
  return { kind: "failure", failure, outcome: AttemptOutcome.FAILURE, retryable: false, retryAfterMs: undefined };
}

function toAttemptResult({ outcome }: TaskResult, limits: Limits): AttemptResult {
  switch (outcome.case) {
    case "success": {
      const { output, children, display } = outcome.value;
      checkLimit("success.output", output.length, limits.maxOutputBytes, "bytes");
      const hasChildren = children !== undefined && children.groups.length > 0;
      return {
        kind: "success",
        output,
        children: hasChildren ? toNewTaskSet(children, "success.children", limits) : undefined,
        display: display === undefined ? undefined : boundedText("success.display", display, MAX_DISPLAY_BYTES),
      };
    }
    case "failure":
      return toFailureResult(outcome.value.failure, outcome.value.outcome, limits);
    case "released":
      return { kind: "released", unknownIdentifier: outcome.value.reason === ReleaseReason.UNKNOWN_IDENTIFIER };
    default:
      throw invalidField("outcome", "is absent: give success, failure or released");
  }
}

function toFailureResult(failure: TaskFailure | undefined, outcome: AttemptOutcome, limits: Limits): AttemptResult {
  if (failure === undefined) throw invalidField("failure.failure", "is absent");
  return {
    kind: "failure",
    failure: toFailure(failure, limits),
    outcome: toFailureOutcome(outcome),
    retryable: failure.retryable,
    retryAfterMs: optionalDurationMs("failure.failure.retry_after", failure.retryAfter),
  };
}

function toFailureOutcome(outcome: AttemptOutcome) {
  switch (outcome) {
    case AttemptOutcome.UNSPECIFIED:
    case AttemptOutcome.FAILURE:
      return AttemptOutcome.FAILURE;
    case AttemptOutcome.TIMEOUT:
      return AttemptOutcome.TIMEOUT;
    case AttemptOutcome.CANCELLED:
      return AttemptOutcome.CANCELLED;
    default:
      throw invalidField("failure.outcome", `is ${outcome}, allowed FAILURE (2), TIMEOUT (3), CANCELLED (4)`);
  }
}

function toFailure(failure: TaskFailure, limits: Limits): Failure {
  return {
    type: cut(failure.type, MAX_FAILURE_TYPE_BYTES) || "Error",
    message: cut(failure.message, limits.maxFailureMessageBytes),
    stack: cut(failure.stack, limits.maxFailureStackBytes),
  };
}

/** Cuts text to a number of UTF-8 bytes without splitting a character. */
export function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** Reads progress; a label given twice counts once, with its last figures. Errors: LIMIT_EXCEEDED. */
export function toProgress(progress: readonly Progress[], field: string, limits: Limits): readonly ProgressRecord[] {
  if (progress.length === 0) return NO_PROGRESS;
  checkLimit(field, progress.length, limits.maxProgressLabels, "labels");
  const byLabel = new Map<string, ProgressRecord>();
  for (const [i, { label, done, total }] of progress.entries()) {
    boundedText(`${field}[${i}].label`, label, limits.maxNameBytes);
    byLabel.set(label, { label, done: clampCount(done), total: clampCount(total) });
  }
  return [...byLabel.values()];
}

/** Counts travel as 64 bits; beyond 2^53 - 1 they are clamped, as no bar shows the difference. */
function clampCount(count: bigint): number {
  return Number(count > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : count);
}
