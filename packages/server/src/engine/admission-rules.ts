import { type Concurrency, ConcurrencyPolicy, type Limits, type RateLimit } from "@spanloom/protocol";
import type { ConcurrencyRule, RateRule } from "../store/store.ts";
import { boundedNumber, invalidField, optionalDurationMs, requiredText } from "./field.ts";

const MAX_PLACES = 100_000;
const MAX_STARTS = 1_000_000;
const DAY_MS = 86_400_000;

const policies: Partial<Record<ConcurrencyPolicy, ConcurrencyRule["policy"]>> = {
  [ConcurrencyPolicy.UNSPECIFIED]: "wait",
  [ConcurrencyPolicy.WAIT]: "wait",
  [ConcurrencyPolicy.CANCEL_RUNNING]: "cancelRunning",
  [ConcurrencyPolicy.REJECT_NEW]: "rejectNew",
};

/** Reads a task's concurrency rule: a key of 1..256 bytes, 1..100,000 places. Errors: INVALID_FIELD, LIMIT_EXCEEDED. */
export function toConcurrencyRule(rule: Concurrency, field: string, limits: Limits): ConcurrencyRule {
  if (rule.maxWaiting !== undefined)
    throw invalidField(`${field}.max_waiting`, "is of jobs alone: leave it out of tasks");
  return toJobConcurrencyRule(rule, field, limits);
}

/** Reads a job's concurrency rule: a task's, and how many jobs may wait. Errors: INVALID_FIELD, LIMIT_EXCEEDED. */
export function toJobConcurrencyRule(rule: Concurrency, field: string, limits: Limits): ConcurrencyRule {
  const { key, limit, policy, maxWaiting } = rule;
  const known = policies[policy];
  if (known === undefined) throw invalidField(`${field}.policy`, `is ${policy}, which this server does not know`);
  if (maxWaiting !== undefined && known === "rejectNew")
    throw invalidField(`${field}.max_waiting`, `is ${maxWaiting}: with REJECT_NEW none waits, leave it out`);
  return {
    key: requiredText(`${field}.key`, key, limits.maxNameBytes),
    limit: boundedNumber(`${field}.limit`, limit, 1, MAX_PLACES),
    policy: known,
    ...(maxWaiting !== undefined && {
      maxWaiting: boundedNumber(`${field}.max_waiting`, maxWaiting, 1, MAX_PLACES),
    }),
  };
}

/** Reads a rate limit: a key of 1..256 bytes, 1..1,000,000 starts in a window of 1 ms..1 day. Errors: INVALID_FIELD, LIMIT_EXCEEDED. */
export function toRateRule({ key, limit, window }: RateLimit, field: string, limits: Limits): RateRule {
  const windowMs = optionalDurationMs(`${field}.window`, window, { minMs: 1, maxMs: DAY_MS });
  if (windowMs === undefined) throw invalidField(`${field}.window`, "is absent");
  return {
    key: requiredText(`${field}.key`, key, limits.maxNameBytes),
    limit: boundedNumber(`${field}.limit`, limit, 1, MAX_STARTS),
    windowMs,
  };
}
