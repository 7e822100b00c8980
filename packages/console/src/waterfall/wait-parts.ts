/** What a span waited for before it started. */
export interface WaitPart {
  kind: "blocked" | "backoff" | "queued";
  from: number;
  to: number;
}

const NS_PER_MS = 1e6;

/** How long something waited, in milliseconds; `blockedMs` is NaN while it is still blocked. */
export interface Waited {
  blockedMs: number;
  backoffMs: number;
  queuedMs: number;
}

/**
 * What a task without an attempt waits for, or waited for until it ended: dependencies first, then a runner.
 *
 * Units: nanoseconds.
 */
export function waitsWithin(span: { start: number; end: number; open: boolean }, waited: Waited): WaitPart[] {
  const { start, end, open } = span;
  if (open && Number.isNaN(waited.blockedMs)) return [{ kind: "blocked", from: start, to: end }];
  const lengths = [
    ["blocked", waited.blockedMs],
    ["backoff", waited.backoffMs],
    // An open one waits for a runner now, and nobody has counted for how long.
    ["queued", open ? Number.POSITIVE_INFINITY : waited.queuedMs],
  ] as const;
  const parts: WaitPart[] = [];
  let from = start;
  for (const [kind, ms] of lengths) {
    const to = Math.min(end, from + (ms || 0) * NS_PER_MS);
    if (to > from) parts.push({ kind, from, to });
    from = Math.max(from, to);
  }
  return parts;
}

/**
 * The waits before a start, the earliest first: an attempt waits for dependencies or for a retry, then for a runner.
 *
 * Units: nanoseconds; what is waited milliseconds.
 */
export function waitsBefore(start: number, waited: Waited): WaitPart[] {
  const parts: WaitPart[] = [];
  let to = start;
  for (const kind of ["queued", "backoff", "blocked"] as const) {
    const from = to - (waited[`${kind}Ms`] || 0) * NS_PER_MS;
    if (from < to) parts.unshift({ kind, from, to });
    to = Math.min(from, to);
  }
  return parts;
}
