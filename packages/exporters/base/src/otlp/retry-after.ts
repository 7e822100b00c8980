/** Longest wait an endpoint can ask for; longer ones are cut, so that a typo does not silence an exporter for years. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Reads a Retry-After header: seconds, or an HTTP date. Undefined when it is absent or malformed; 0 for a date that has
 * passed; at most an hour.
 *
 * Source: RFC 9110, 10.2.3.
 */
export function parseRetryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
