import { setImmediate as nextTurn } from "node:timers/promises";

/** Time as the server's parts see it; tests bring their own. */
export interface Clock {
  /** Microseconds since the Unix epoch. */
  nowUs(): number;
  /** Calls back once after `delayMs`; the returned function cancels it and may be called at any time. */
  schedule(callback: () => void, delayMs: number): () => void;
}

/** Longest delay a Node timer takes; beyond it the timer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The machine's clock.
 *
 * Its timers keep no process alive: a server lives as long as its listener.
 */
export const systemClock: Clock = {
  nowUs: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A stretch of work that took longer waited for others, which are served then. */
const MAX_REST_MS = 50;

/**
 * Lets others in between stretches of work, for as long as the last one took, so that half of the time is theirs.
 *
 * `tookUs` is microseconds. Resolves early when `signal` aborts.
 */
export async function restAfter(tookUs: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  const ms = Math.min(tookUs / 1000, MAX_REST_MS);
  if (ms < 1) await nextTurn();
  else await pause(ms, clock, signal);
}

/** Waits by a clock. Resolves early when `signal` aborts. */
export function pause(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.schedule(end, ms);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}
