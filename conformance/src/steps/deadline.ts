import { setTimeout as delay } from "node:timers/promises";

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 200;

/**
 * Asks until nothing is wrong or the time is over, with growing pauses; returns what is wrong then, or undefined.
 *
 * It asks at least once, and once more when the time is over.
 */
export async function poll<Problem>(
  ask: () => Promise<Problem | undefined>,
  { limitMs, signal }: { limitMs: number; signal: AbortSignal },
): Promise<Problem | undefined> {
  const end = performance.now() + limitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const last = performance.now() >= end;
    const problem = await ask();
    if (problem === undefined || last) return problem;
    await delay(Math.min(pauseMs, Math.max(0, end - performance.now())), undefined, { signal });
  }
}

/** Waits for a promise, but no longer than a limit; false when that passed. */
export async function within(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const stop = new AbortController();
  try {
    const late = delay(limitMs, false, { signal: stop.signal }).catch(() => false);
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    stop.abort();
  }
}
