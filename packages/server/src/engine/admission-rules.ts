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

/** Reads a concurrency rule: a key of 1..256 bytes, 1..100,000 places. Errors: INVALID_FIELD, LIMIT_EXCEEDED. */
export function toConcurrencyRule({ key, limit, policy }: Concurrency, field: string, limits: Limits): ConcurrencyRule {
  const known = policies[policy];
  if (known === undefined) throw invalidField(`${field}.policy`, `is ${policy}, which this server does not know`);
  return {
    key: requiredText(`${field}.key`, key, limits.maxNameBytes),
    limit: boundedNumber(`${field}.limit`, limit, 1, MAX_PLACES),
    policy: known,
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
