import { setTimeout as sleep } from "node:timers/promises";
import type { CallOptions } from "@connectrpc/connect";
import type { SpanloomError } from "@spanloom/protocol";
import { toCallError } from "./transport.ts";

/** When a failed call is made again. */
export interface CallRetryOptions {
  /** Calls in all, the first included. Default 5; Infinity retries until the signal fires. */
  maxAttempts?: number;
  /** Upper bound of the first wait. Default 50. */
  initialDelayMs?: number;
  /** Upper bound of any wait. Default 5,000. */
  maxDelayMs?: number;
  /** Ends waiting and the call under way. */
  signal?: AbortSignal | undefined;
  /** Source of jitter in [0, 1). Default Math.random. */
  random?: () => number;
  /** Waits; tests replace it. */
  wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Told of each failure that will be retried. */
  onRetry?: (error: SpanloomError, delayMs: number) => void;
}

/**
 * Makes a call and makes it again on transient errors, with full jitter: each wait is drawn from 0..bound, and the
 * bound doubles. A server's retryAfterMs is honoured as the least wait.
 *
 * Only for calls that may reach the server twice without harm.
 *
 * Errors: the last failure as SpanloomError; the signal's reason when it fired.
 */
export async function callWithRetry<Response>(
  url: string,
  call: (options: CallOptions) => Promise<Response>,
  options: CallRetryOptions = {},
): Promise<Response> {
  const { maxAttempts = 5, signal } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(signal ? { signal } : {});
    } catch (cause) {
      signal?.throwIfAborted();
      const error = toCallError(cause, url);
      if (!error.retryable || attempt >= maxAttempts) throw error;
      const delayMs = retryDelayMs(attempt, error, options);
      options.onRetry?.(error, delayMs);
      await (options.wait ?? waitFor)(delayMs, signal);
    }
  }
}

/** Makes calls of one client, each again on transient errors. */
export type Caller = <Response>(call: (options: CallOptions) => Promise<Response>) => Promise<Response>;

/** A {@link Caller} for the server at `url`. */
export function callerOf(url: string, retry: CallRetryOptions = {}): Caller {
  return (call) => callWithRetry(url, call, retry);
}

/** Wait before call number `attempt` + 1, in milliseconds: full jitter, never less than the server asked for. */
export function retryDelayMs(attempt: number, error: SpanloomError, options: CallRetryOptions = {}): number {
  const { initialDelayMs = 50, maxDelayMs = 5_000, random = Math.random } = options;
  const bound = Math.min(maxDelayMs, initialDelayMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(error.facts.retryAfterMs ?? 0, random() * bound);
}

async function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    // The timer's own AbortError says nothing; the signal's reason does.
    signal?.throwIfAborted();
    throw error;
  }
}
