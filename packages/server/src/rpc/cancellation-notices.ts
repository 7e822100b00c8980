import type { CancellationRecord } from "../store/store.ts";

/**
 * Which cancellations each runner has been told of.
 *
 * The store names an attempt to stop in every exchange until it is reported. A long poll that was answered for each of
 * them again would spin until the attempt stops; it is answered only for one the runner has not heard of. Should that
 * answer be lost, the next heartbeat repeats it.
 */
export class CancellationNotices {
  /** Only runners with attempts to stop have an entry, and of those the latest: one that died never calls again. */
  readonly #told = new Map<string, ReadonlySet<string>>();

  /** Whether any of a runner's outstanding cancellations is new to it; afterwards none is. */
  isNews(runnerId: string, outstanding: readonly CancellationRecord[]): boolean {
    const told = this.#told.get(runnerId);
    if (outstanding.length === 0) {
      if (told) this.#told.delete(runnerId);
      return false;
    }
    const keys = new Set(outstanding.map(({ taskId, attempt }) => `${taskId}/${attempt}`));
    this.#told.delete(runnerId);
    this.#told.set(runnerId, keys);
    if (this.#told.size > MAX_RUNNERS) this.#told.delete(this.#told.keys().next().value as string);
    return [...keys].some((key) => !told?.has(key));
  }
}

/** Runners remembered; one that is forgotten is told once more. */
const MAX_RUNNERS = 10_000;
