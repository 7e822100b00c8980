/** What a span waited for before it started. */
export interface WaitPart {
  kind: "blocked" | "backoff" | "queued";
  from: number;
  to: number;
}

const NS_PER_MS = 1e6;

/**
 * The waits before a start, the earliest first: an attempt waits for dependencies or for a retry, then for a runner.
 *
 * Units: nanoseconds; what is waited milliseconds.
 */
export function waitsBefore(
  start: number,
  waited: { blockedMs: number; backoffMs: number; queuedMs: number },
): WaitPart[] {
  const parts: WaitPart[] = [];
  let to = start;
  for (const kind of ["queued", "backoff", "blocked"] as const) {
    const from = to - waited[`${kind}Ms`] * NS_PER_MS;
    if (from < to) parts.unshift({ kind, from, to });
    to = Math.min(from, to);
  }
  return parts;
}
