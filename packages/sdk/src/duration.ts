import { SpanloomError } from "@spanloom/protocol";

/** Milliseconds, or a number with its unit, e.g. `500ms`, `30s`, `1.5h`, `7d`. */
export type DurationValue = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration in milliseconds; `owner` starts the message of the error. Errors: INVALID_FIELD naming `field`. */
export function durationMs(value: DurationValue, { owner, field }: { owner: string; field: string }): number {
  const match = typeof value === "string" ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : undefined;
  const ms = match ? Number(match[1]) * units[match[2]!]! : value;
  if (typeof ms === "number" && Number.isFinite(ms) && ms >= 0) return ms;
  const shown = typeof value === "string" ? `"${value}"` : String(value);
  const message = `${owner}: ${field} is ${shown}, must be milliseconds or a text such as "30s", "5m", "2h"`;
  throw new SpanloomError("INVALID_FIELD", message, { field });
}
