import type { Clock } from "../clock.ts";

/** A signal that aborts when a time is up or its parent aborts. */
export interface WaitSignal extends Disposable {
  readonly signal: AbortSignal;
}

/** Makes a signal for `waitMs`; to be disposed of when the wait is over, so that no timer or listener stays. */
export function waitSignal(clock: Clock, waitMs: number, parent: AbortSignal): WaitSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const cancel = clock.schedule(abort, waitMs);
  parent.addEventListener("abort", abort);
  if (parent.aborted) abort();
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      cancel();
      parent.removeEventListener("abort", abort);
    },
  };
}
