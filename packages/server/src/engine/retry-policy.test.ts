import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultRetryRule, mayRetry, nextRetryDelayMs } from "./retry-policy.ts";

const rule = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 1_000 }),
  initialDelayMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  factor: fc.double({ min: 1, max: 100, noNaN: true }),
  maxDelayMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  nonRetryableTypes: fc.constant([]),
});
const unit = fc.double({ min: 0, max: 0.999999, noNaN: true });

test("a delay is never negative, nor longer than the policy's longest", () => {
  fc.assert(
    fc.property(rule, fc.integer({ min: 1, max: 1_000 }), unit, (policy, failed, random) => {
      const delayMs = nextRetryDelayMs(policy, failed, () => random);
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThanOrEqual(policy.maxDelayMs);
    }),
  );
});

test("without jitter delays never shrink from one attempt to the next", () => {
  fc.assert(
    fc.property(rule, fc.integer({ min: 1, max: 999 }), (policy, failed) => {
      const steady = { ...policy, jitter: 0 };
      const delayMs = nextRetryDelayMs(steady, failed, () => 0);
      expect(nextRetryDelayMs(steady, failed + 1, () => 0)).toBeGreaterThanOrEqual(delayMs);
    }),
  );
});

test("jitter draws from the share of the delay that the policy leaves to chance", () => {
  const policy = { ...defaultRetryRule, initialDelayMs: 1_000, jitter: 0.25 };
  expect(nextRetryDelayMs(policy, 1, () => 0)).toBe(1_000);
  expect(nextRetryDelayMs(policy, 1, () => 1)).toBe(750);
  expect(nextRetryDelayMs(policy, 3, () => 0)).toBe(4_000);
});

test("a failure is tried again unless attempts are spent, the type is excluded or the code forbids it", () => {
  const policy = { ...defaultRetryRule, maxAttempts: 3, nonRetryableTypes: ["Fatal"] };
  const failure = { failedAttempts: 2, type: "Error", retryable: undefined };
  expect(mayRetry(policy, failure)).toBe(true);
  expect(mayRetry(policy, { ...failure, retryable: true })).toBe(true);
  expect(mayRetry(policy, { ...failure, failedAttempts: 3 })).toBe(false);
  expect(mayRetry(policy, { ...failure, type: "Fatal" })).toBe(false);
  expect(mayRetry(policy, { ...failure, type: "Fatal", retryable: true })).toBe(false);
  expect(mayRetry(policy, { ...failure, retryable: false })).toBe(false);
});
