import type { Store } from "../store/store.ts";

/** Which of the store's signals to listen to. */
export type JobSignal = "changed" | "ended";

/**
 * Tells watchers of single jobs what the store tells of all: a watcher is only called for jobs it asked for.
 *
 * I1. A change between `watch` and `next` is not missed: ids are gathered from `watch` on.
 */
export class JobChanges {
  readonly #store: Pick<Store, "on">;
  readonly #watchers: Readonly<Record<JobSignal, Map<string, Set<JobWatch>>>> = {
    changed: new Map(),
    ended: new Map(),
  };
  #subscriptions: (() => void)[] = [];

  constructor(store: Pick<Store, "on">) {
    this.#store = store;
  }

  /** Listens to the store. Safe to call twice. */
  start(): void {
    if (this.#subscriptions.length > 0) return;
    this.#subscriptions = [
      this.#store.on("changed", (jobIds) => this.#notify("changed", jobIds)),
      this.#store.on("ended", (jobIds) => this.#notify("ended", jobIds)),
      this.#store.on("elsewhere", (jobIds) => this.#notify("changed", jobIds)),
      this.#store.on("missed", () => this.#notifyAll()),
    ];
  }

  /** Stops to listen. Watchers end by their own signals. Safe to call twice. */
  stop(): void {
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
  }

  /** Watches jobs until `close`. */
  watch(signal: JobSignal, jobIds: readonly string[]): JobWatch {
    const watchers = this.#watchers[signal];
    const watch = new JobWatch(() => {
      for (const id of jobIds) {
        const ofJob = watchers.get(id);
        ofJob?.delete(watch);
        if (ofJob?.size === 0) watchers.delete(id);
      }
    });
    for (const id of jobIds) watchers.set(id, (watchers.get(id) ?? new Set()).add(watch));
    return watch;
  }

  /** Watchers look for themselves: what they find unchanged they wait for again. */
  #notifyAll(): void {
    for (const watchers of Object.values(this.#watchers)) {
      for (const [id, ofJob] of watchers) for (const watch of ofJob) watch.add(id);
    }
  }

  #notify(signal: JobSignal, jobIds: ReadonlySet<string>): void {
    const watchers = this.#watchers[signal];
    if (watchers.size === 0) return;
    for (const id of jobIds) for (const watch of watchers.get(id) ?? []) watch.add(id);
  }
}

/** The changed ids of one watcher, gathered until it asks. */
export class JobWatch {
  readonly #close: () => void;
  #changed = new Set<string>();
  #wake: (() => void) | undefined;

  constructor(close: () => void) {
    this.#close = close;
  }

  /** Notes a change and wakes the watcher. */
  add(jobId: string): void {
    this.#changed.add(jobId);
    this.#wake?.();
  }

  /** Ids that changed since the last call, as soon as there are any; none when the signal aborts first. */
  async next(signal: AbortSignal): Promise<readonly string[]> {
    if (this.#changed.size === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener("abort", wake);
          this.#wake = undefined;
          resolve();
        };
        this.#wake = wake;
        signal.addEventListener("abort", wake);
      });
    }
    const changed = [...this.#changed];
    this.#changed = new Set();
    return changed;
  }

  /** Ends the watch. Safe to call twice. */
  close(): void {
    this.#close();
  }
}
