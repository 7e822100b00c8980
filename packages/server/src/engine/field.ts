import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { msFromDuration, SpanloomError, usFromTimestamp } from "@spanloom/protocol";
import { quote } from "./version.ts";

/** No duration of the protocol is longer: ten years. Keeps every sum of times exact in a double. */
export const MAX_DURATION_MS = 10 * 365 * 86_400_000;

/** Latest time the protocol accepts: the end of 2199. */
const MAX_TIMESTAMP_US = Date.UTC(2200, 0, 1) * 1000;

/** Refuses a request for a field outside its domain: `cannot {action}: {problem}`. */
export function invalidField(field: string, problem: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot accept request: ${field} ${problem}`, { field });
}

/** Refuses a request for a size or count over its limit. */
export function checkLimit(field: string, actual: number, limit: number, unit: string): void {
  if (actual <= limit) return;
  const message = `cannot accept request: ${field} has ${actual} ${unit}, limit ${limit}`;
  throw new SpanloomError("LIMIT_EXCEEDED", message, { field, limit, actual });
}

/** Reads text that must not be empty nor longer than `maxBytes` of UTF-8. */
export function requiredText(field: string, text: string, maxBytes: number): string {
  if (text === "") throw invalidField(field, "is empty");
  return boundedText(field, text, maxBytes);
}

/** Reads text that must not be longer than `maxBytes` of UTF-8. */
export function boundedText(field: string, text: string, maxBytes: number): string {
  // A UTF-16 unit is at most 3 bytes, so short text needs no counting.
  if (text.length * 3 > maxBytes) checkLimit(field, Buffer.byteLength(text), maxBytes, "bytes");
  if (text.includes("\0")) throw invalidField(field, `is ${quote(text)}: it contains a NUL character`);
  return text;
}

/** Reads a duration as milliseconds within bounds; undefined when absent. */
export function optionalDurationMs(
  field: string,
  duration: Duration | undefined,
  bounds: { minMs: number; maxMs: number } = { minMs: 0, maxMs: MAX_DURATION_MS },
): number | undefined {
  if (duration === undefined) return undefined;
  const ms = msFromDuration(duration);
  if (!(ms >= bounds.minMs && ms <= bounds.maxMs)) {
    throw invalidField(field, `is ${ms} ms, allowed ${bounds.minMs}..${bounds.maxMs} ms`);
  }
  return ms;
}

/** Reads a timestamp as microseconds; undefined when absent. */
export function optionalTimestampUs(field: string, timestamp: Timestamp | undefined): number | undefined {
  if (timestamp === undefined) return undefined;
  const us = usFromTimestamp(timestamp);
  const sane = timestamp.nanos >= 0 && timestamp.nanos < 1e9 && us >= 0 && us <= MAX_TIMESTAMP_US;
  if (!sane) throw invalidField(field, `is ${timestamp.seconds} s ${timestamp.nanos} ns, allowed years 1970..2199`);
  return us;
}

/** Reads a number within bounds. */
export function boundedNumber(field: string, value: number, min: number, max: number): number {
  if (!(value >= min && value <= max)) throw invalidField(field, `is ${value}, allowed ${min}..${max}`);
  return value;
}
