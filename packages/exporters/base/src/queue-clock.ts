/** Time, timers and randomness of a queue. */
export interface QueueClock {
  /** Milliseconds, monotonic. */
  nowMs(): number;
  /**
   * Calls back once after a delay; gives a function that cancels.
   *
   * Only with `keepAlive` may it keep the process from ending: somebody awaits a flush.
   */
  schedule(callback: () => void, delayMs: number, keepAlive?: boolean): () => void;
  /** A number from 0 up to 1. */
  random(): number;
}

/** The process's own. */
export const systemQueueClock: QueueClock = {
  nowMs: () => performance.now(),
  schedule(callback, delayMs, keepAlive = false) {
    const timer = setTimeout(callback, delayMs);
    if (!keepAlive) timer.unref?.();
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
