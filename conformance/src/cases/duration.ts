const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration such as `200ms`, `1.5s`, `2m` or `-1h`; undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  return match ? Number(match[1]) * units[match[2]!]! : undefined;
}
