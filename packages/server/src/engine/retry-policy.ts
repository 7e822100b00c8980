import type { RetryRule } from "../store/store.ts";

/** What a task without a policy gets: one attempt. The delays apply to policies that set only `maxAttempts`. */
export const defaultRetryRule: RetryRule = {
  maxAttempts: 1,
  initialDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 300_000,
  jitter: 0,
  nonRetryableTypes: [],
};

/**
 * Delay before the next attempt, after `failedAttempts` that counted (1 or more).
 *
 * Grows by `factor` from `initialDelayMs`, never past `maxDelayMs`; jitter draws from [delay * (1 - jitter), delay].
 * `random` gives numbers in [0, 1).
 */
export function nextRetryDelayMs(rule: RetryRule, failedAttempts: number, random: () => number): number {
  // Zero times a factor's power beyond a double would be no number.
  if (rule.initialDelayMs === 0) return 0;
  const grown = rule.initialDelayMs * rule.factor ** Math.max(0, failedAttempts - 1);
  const delayMs = Math.min(grown, rule.maxDelayMs);
  return delayMs * (1 - rule.jitter * random());
}

/** Whether a failed attempt may be followed by another. */
export function mayRetry(
  rule: RetryRule,
  failure: { failedAttempts: number; type: string; retryable: boolean | undefined },
): boolean {
  if (failure.retryable === false) return false;
  if (failure.failedAttempts >= rule.maxAttempts) return false;
  return !rule.nonRetryableTypes.includes(failure.type);
}
