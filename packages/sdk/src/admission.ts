import { create } from "@bufbuild/protobuf";
import {
  type Concurrency,
  ConcurrencyPolicy,
  ConcurrencySchema,
  durationFromMs,
  type RateLimit,
  RateLimitSchema,
  SpanloomError,
} from "@spanloom/protocol";
import { checkRange } from "./retry.ts";

/**
 * At most `limit` holders share a key: running attempts for a task's key, jobs for a job's. Counted across all jobs.
 *
 * Source: proto/spanloom/v1/task.proto Concurrency.
 */
export interface ConcurrencyOptions {
  /** Key, 1..256 bytes. */
  key: string;
  /** Places, 1..100,000. */
  limit: number;
  /**
   * What happens when all places are taken. `wait`, the default: the newcomer waits. `cancelRunning`: it waits, and the
   * longest-running holder is stopped. `rejectNew`: a task fails at once, a job is refused with CONCURRENCY_REJECTED.
   */
  policy?: "wait" | "cancelRunning" | "rejectNew";
}

/** {@link ConcurrencyOptions} of jobs, of which also those that wait may be bounded. */
export interface JobConcurrencyOptions extends ConcurrencyOptions {
  /**
   * Most newcomers that may wait, 1..100,000; one more is refused with CONCURRENCY_REJECTED. Default: any number. Not with
   * `rejectNew`, where none waits.
   */
  maxWaiting?: number;
}

/**
 * At most `limit` attempts that share a key start in each window; the others wait. Windows are aligned to the Unix epoch.
 *
 * Source: proto/spanloom/v1/task.proto RateLimit.
 */
export interface RateLimitOptions {
  /** Key, 1..256 bytes; counted across all jobs. */
  key: string;
  /** Starts in a window, 1..1,000,000. */
  limit: number;
  /** Length of a window, 1 ms..1 day. */
  windowMs: number;
}

const policies = {
  wait: ConcurrencyPolicy.WAIT,
  cancelRunning: ConcurrencyPolicy.CANCEL_RUNNING,
  rejectNew: ConcurrencyPolicy.REJECT_NEW,
} as const;

/** The rule as it travels. Errors: INVALID_FIELD; `owner` starts the message. */
export function toConcurrency(options: JobConcurrencyOptions, owner: string): Concurrency {
  const { key, limit, policy = "wait", maxWaiting } = options;
  checkKey(key, owner, "concurrency.key");
  checkRange(limit, [1, 100_000], { owner, field: "concurrency.limit", whole: true });
  checkRange(maxWaiting, [1, 100_000], { owner, field: "concurrency.maxWaiting", whole: true });
  const known = policies[policy];
  if (known === undefined) {
    const message = `${owner}: concurrency.policy is "${policy}", must be wait, cancelRunning or rejectNew`;
    throw new SpanloomError("INVALID_FIELD", message, { field: "concurrency.policy" });
  }
  return create(ConcurrencySchema, { key, limit, policy: known, ...(maxWaiting !== undefined && { maxWaiting }) });
}

/** The limit as it travels. Errors: INVALID_FIELD; `owner` starts the message. */
export function toRateLimit({ key, limit, windowMs }: RateLimitOptions, owner: string): RateLimit {
  checkKey(key, owner, "rateLimit.key");
  checkRange(limit, [1, 1_000_000], { owner, field: "rateLimit.limit", whole: true });
  checkRange(windowMs, [1, 86_400_000], { owner, field: "rateLimit.windowMs" });
  return create(RateLimitSchema, { key, limit, window: durationFromMs(windowMs) });
}

function checkKey(key: string, owner: string, field: string): void {
  if (typeof key === "string" && key !== "") return;
  throw new SpanloomError("INVALID_FIELD", `${owner}: ${field} is "${key}", must be a text that is not empty`, {
    field,
  });
}
