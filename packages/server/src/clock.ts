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
