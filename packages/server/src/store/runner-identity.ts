import type { RunnerRecord } from "./records.ts";

/** What a runner said of itself. */
export type RunnerIdentity = Omit<RunnerRecord, "running" | "state" | "registeredAtUs" | "lastSeenAtUs">;

/** Whether a runner that registers again can run the same tasks as before. */
export function offersSame(before: RunnerIdentity | undefined, now: RunnerIdentity): boolean {
  return before !== undefined && JSON.stringify(before.identifiers) === JSON.stringify(now.identifiers);
}

/** A runner's `last_seen_at` is written at most this often: it decides nothing. */
export const SEEN_INTERVAL_US = 15_000_000;

/** A runner that was not heard of for this long is forgotten: a day. */
export const FORGET_AFTER_US = 86_400_000_000;
