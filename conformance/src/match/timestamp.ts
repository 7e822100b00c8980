import type { Json } from "../cases/template.ts";

/** Microseconds since 1970 of a time as protobuf's JSON writes it, or of nanoseconds as text; undefined when it is neither. */
export function microsOf(value: Json | undefined): bigint | undefined {
  if (typeof value !== "string") return undefined;
  if (/^\d{16,}$/.test(value)) return BigInt(value) / 1000n;
  const [, seconds, fraction = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(value) ?? [];
  if (seconds === undefined) return undefined;
  return BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(fraction.padEnd(6, "0").slice(0, 6));
}
