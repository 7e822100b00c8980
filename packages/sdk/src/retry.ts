import { create } from "@bufbuild/protobuf";
import { durationFromMs, type RetryPolicy, RetryPolicySchema, SpanloomError } from "@spanloom/protocol";

/**
 * When and how often a failed attempt is tried again. A task without one has a single attempt.
 *
 * Units: milliseconds.
 * Source: proto/spanloom/v1/task.proto RetryPolicy; design protocol 4.
 */
export interface RetryOptions {
  /** Attempts in all, the first included, 1..1000. Default 1. */
  maxAttempts?: number;
  /** Delay before the second attempt. Default 1,000. */
  initialDelayMs?: number;
  /** Each further delay is the one before times this, 1..100. Default 2. */
  factor?: number;
  /** No delay is longer. Default 300,000. */
  maxDelayMs?: number;
  /** Share of the delay that is random, 0..1. Default 0: delays are exact. */
  jitter?: number;
  /** Error types (`error.name`) that are never tried again. */
  nonRetryableTypes?: readonly string[];
}

/** Throws INVALID_FIELD for the first value out of range; `owner` starts the message, e.g. `cannot define task "add"`. */
export function validateRetry(retry: RetryOptions, owner: string): void {
  checkRange(retry.maxAttempts, [1, 1000], { owner, field: "retry.maxAttempts", whole: true });
  checkRange(retry.initialDelayMs, [0, Number.MAX_SAFE_INTEGER], { owner, field: "retry.initialDelayMs" });
  checkRange(retry.factor, [1, 100], { owner, field: "retry.factor" });
  checkRange(retry.maxDelayMs, [0, Number.MAX_SAFE_INTEGER], { owner, field: "retry.maxDelayMs" });
  checkRange(retry.jitter, [0, 1], { owner, field: "retry.jitter" });
}

/** What a range check names when it fails. */
export interface RangeSubject {
  /** Start of the message. */
  owner: string;
  /** Field that holds the value. */
  field: string;
  /** Whether fractions are refused. */
  whole?: boolean;
}

/** Throws INVALID_FIELD unless `value` is absent or a number within the bounds, both included. */
export function checkRange(value: number | undefined, [min, max]: [number, number], subject: RangeSubject): void {
  if (value === undefined) return;
  const fits = Number.isFinite(value) && value >= min && value <= max && (!subject.whole || Number.isInteger(value));
  if (fits) return;
  const kind = subject.whole ? "a whole number" : "a number";
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `in ${min}..${max}`;
  throw new SpanloomError("INVALID_FIELD", `${subject.owner}: ${subject.field} is ${value}, must be ${kind} ${range}`, {
    field: subject.field,
  });
}

/** The policy as it travels; fields left out take the server's defaults. */
export function toRetryPolicy(retry: RetryOptions): RetryPolicy {
  return create(RetryPolicySchema, {
    maxAttempts: retry.maxAttempts ?? 0,
    factor: retry.factor ?? 0,
    jitter: retry.jitter ?? 0,
    nonRetryableTypes: [...(retry.nonRetryableTypes ?? [])],
    ...(retry.initialDelayMs !== undefined && { initialDelay: durationFromMs(retry.initialDelayMs) }),
    ...(retry.maxDelayMs !== undefined && { maxDelay: durationFromMs(retry.maxDelayMs) }),
  });
}
