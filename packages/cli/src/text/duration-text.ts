import { UsageError } from "../cli-context.ts";

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads a duration such as `500ms`, `30s`, `1.5h` or `2d` as milliseconds. Errors: UsageError. */
export function parseDuration(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const value = match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : 0;
  if (value <= 0)
    throw new UsageError(`cannot use ${flag} "${text}": it must be a duration such as 500ms, 30s, 5m, 2h`);
  return value;
}

/** Milliseconds for people: `12 ms`, `3.4 s`, `5 m 06 s`, `2 h 03 m`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const pad = (value: number) => String(value).padStart(2, "0");
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} m`;
}

/** Nanoseconds for people: below a millisecond `12.3 us`, otherwise as {@link formatDuration}. */
export function formatNs(ns: number): string {
  return ns < 1e6 ? `${(ns / 1e3).toFixed(1)} us` : formatDuration(ns / 1e6);
}
