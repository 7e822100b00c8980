/** How long to wait between attempts to send one batch. */
export interface RetryPolicy {
  /** Upper bound of the first delay, in milliseconds. Default 500. */
  readonly initialDelayMs: number;
  /** Growth of the bound from attempt to attempt. Default 2. */
  readonly factor: number;
  /** Largest the bound grows, in milliseconds. Default 30,000. A backend's own wish may be longer. */
  readonly maxDelayMs: number;
  /** A batch is given up once it has been tried for this long, in milliseconds. Default 300,000; Infinity never gives up. */
  readonly maxElapsedMs: number;
}

/** The defaults of {@link RetryPolicy}: those of the OpenTelemetry Collector's exporters, but for the jitter. */
export const defaultRetryPolicy: RetryPolicy = {
  initialDelayMs: 500,
  factor: 2,
  maxDelayMs: 30_000,
  maxElapsedMs: 300_000,
};

/** What decides the next delay. */
export interface RetryState {
  /** Attempts that failed so far, from 1. */
  readonly failures: number;
  /** What the backend asked for. */
  readonly retryAfterMs: number | undefined;
  /** Random number from 0 up to 1. */
  readonly random: number;
}

/**
 * Delay before the next attempt: full jitter under an exponential bound, but never less than the backend asked for.
 *
 * Full jitter, rather than a fixed delay with some noise, spreads many runners that lost the same backend evenly.
 */
export function nextRetryDelayMs(policy: RetryPolicy, { failures, retryAfterMs, random }: RetryState): number {
  const bound = Math.min(policy.maxDelayMs, policy.initialDelayMs * policy.factor ** (failures - 1));
  return Math.max(retryAfterMs ?? 0, Math.round(random * bound));
}
