import type { Clock } from "../clock.ts";

/** Waits; less when told to end. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.schedule(end, delayMs);
    signal.addEventListener("abort", end);
  });
}

/** What work gives; undefined when it took longer. It goes on then, and whoever gave it sees to its failing. */
export function within<Value>(clock: Clock, work: Promise<Value>, delayMs: number): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(() => resolve(undefined), delayMs);
    const settled = work.finally(cancel);
    settled.then(resolve, reject);
  });
}
