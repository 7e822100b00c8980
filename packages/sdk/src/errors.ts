import type { JobSnapshot } from "./snapshots.ts";

/**
 * Thrown by a task's code to end the task now: it is never tried again, whatever its retry policy says.
 */
export class TerminalError extends Error {
  override readonly name: string = "TerminalError";
}

/** Options of {@link RetryableError}. */
export interface RetryableErrorOptions {
  /** Wait at least this long before the next attempt. */
  retryAfterMs?: number;
  /** What led to it. */
  cause?: unknown;
}

/**
 * Thrown by a task's code to ask for another attempt, no sooner than `retryAfterMs`.
 *
 * The retry policy still bounds the number of attempts, and `nonRetryableTypes` that name `RetryableError` win.
 */
export class RetryableError extends Error {
  override readonly name: string = "RetryableError";
  /** Shortest wait before the next attempt; undefined leaves it to the policy. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: RetryableErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The job did not succeed, and someone asked for its result. */
export class JobFailedError extends Error {
  override readonly name = "JobFailedError";
  /** The job as it ended. */
  readonly job: JobSnapshot;

  constructor(job: JobSnapshot) {
    super(`cannot return the result of job "${job.name}" (${job.id}): ${describeEnd(job)}`);
    this.job = job;
  }
}

function describeEnd(job: JobSnapshot): string {
  if (!job.failure) return `it ended ${job.state}`;
  return `it ended ${job.state}: ${job.failure.type}: ${job.failure.message}`;
}

/** Why an attempt was told to stop. */
export type AbortKind = "cancelled" | "timeout" | "lease_lost" | "shutdown";

/**
 * Reason of a task context's abort signal.
 *
 * Code that stops for it should let it propagate: the runner reports the attempt as cancelled or timed out, and reports
 * nothing at all when the lease was lost.
 */
export class AttemptAborted extends Error {
  override readonly name = "AttemptAborted";
  /** Why the attempt must stop. */
  readonly kind: AbortKind;

  constructor(kind: AbortKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
