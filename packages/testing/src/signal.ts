import { setTimeout as delay } from "node:timers/promises";

/** How long to wait for something and what to call it when it does not come. */
export interface WaitOptions {
  /** When to give up, not how fast it should be. Default 60,000. */
  deadlineMs?: number;
  /** What is waited for, for the error. */
  what?: string;
}

const POLL_MS = 5;

/**
 * Waits until `condition` gives a value other than undefined, null and false, and returns it.
 *
 * Errors: an Error naming what was waited for once the deadline passed. What `condition` throws passes through.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { deadlineMs = 60_000, what = "the condition" }: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value as Exclude<T, undefined | null | false>;
    if (performance.now() > endMs) throw new Error(`cannot go on: waited ${deadlineMs} ms for ${what}`);
    await delay(POLL_MS);
  }
}

/** A promise with its handles outside, for tests that hold something back. */
export interface Signal<T = void> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Makes a signal. */
export function newSignal<T = void>(): Signal<T> {
  return Promise.withResolvers<T>();
}
