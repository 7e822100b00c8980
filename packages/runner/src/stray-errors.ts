import type { Runner } from "./runner.ts";

/** What to do with errors that nobody caught. */
export interface StrayErrorOptions {
  /** The runner whose attempts may be where they come from. */
  runner: Pick<Runner, "claimError">;
  /** Called with an error that comes from no attempt. Default: it ends the process, as Node does by itself. */
  fatal?: ((error: unknown) => void) | undefined;
}

/**
 * Keeps one task's stray error from ending the process and every other attempt in it; returns how to undo it.
 *
 * Node ends a process for a promise that is rejected with nobody waiting and for an error thrown from a callback. Here
 * the attempt that it came from fails with it instead; what comes from no attempt is `fatal`.
 *
 * The attempt is known from the async context, so it is found through timers, events and callbacks of Node.
 */
export function catchStrayErrors({ runner, fatal = rethrow }: StrayErrorOptions): () => void {
  const onError = (error: unknown): void => {
    if (!runner.claimError(error)) fatal(error);
  };
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  return () => {
    process.off("uncaughtException", onError);
    process.off("unhandledRejection", onError);
  };
}

/** An error thrown from these handlers ends the process with its own stack. */
function rethrow(error: unknown): never {
  throw error;
}
