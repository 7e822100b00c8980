import type { JobRecord, LifecycleBatch, Store } from "../store/store.ts";

/** Jobs remembered of either kind; the oldest are forgotten first, and looked at again when they change. */
const MAX_JOBS = 100_000;

/** Tasks of a job that are looked at for a runner that asks: the first, which are the first to be run. */
const LOOKED_AT = 100;

/**
 * Which open jobs had a part run by a runner that asks, and by which.
 *
 * It is learnt from the record of attempts, so that it does not matter which server a runner leases from. A job of which
 * nothing is known when it changes is looked at once, e.g. after the server was started again.
 */
export class ServedJobs {
  readonly #store: Pick<Store, "readLifecycle" | "taskIds">;
  readonly #askers: Askers;
  readonly #runners = new Map<string, Set<string>>();
  /** Jobs that runners serve which do not ask. */
  readonly #others = new Set<string>();

  constructor(store: Pick<Store, "readLifecycle" | "taskIds">, askers: Askers) {
    this.#store = store;
    this.#askers = askers;
  }

  /** Learns from a batch, and looks at its jobs that are unknown. */
  async learn(batch: LifecycleBatch): Promise<void> {
    this.#noteAttempts(batch);
    for (const job of batch.jobs) {
      if (this.#runners.has(job.id)) continue;
      if (job.attempts === 0) this.#noteUnrun(job);
      else if (!this.#others.has(job.id)) await this.#lookAt(job.id);
    }
  }

  /** A job that ended before anybody ran it is any runner's of its queue. */
  #noteUnrun({ id, queue, endedAtUs }: JobRecord): void {
    const runnerId = endedAtUs === undefined ? undefined : this.#askers.serving(queue);
    if (runnerId !== undefined) this.#add(id, runnerId);
  }

  async #lookAt(jobId: string): Promise<void> {
    const tasks = await this.#store.taskIds(jobId, { limit: LOOKED_AT });
    this.#noteAttempts(await this.#store.readLifecycle([], tasks));
    if (this.#runners.has(jobId)) return;
    this.#others.add(jobId);
    if (this.#others.size > MAX_JOBS) this.#others.delete(this.#others.values().next().value!);
  }

  #noteAttempts({ tasks }: LifecycleBatch): void {
    for (const { jobId, attempts } of tasks) {
      for (const { runnerId } of attempts) if (this.#askers.asks(runnerId)) this.#add(jobId, runnerId);
    }
  }

  #add(jobId: string, runnerId: string): void {
    const runners = this.#runners.get(jobId) ?? new Set();
    this.#runners.set(jobId, runners.add(runnerId));
    this.#others.delete(jobId);
    if (this.#runners.size > MAX_JOBS) this.#runners.delete(this.#runners.keys().next().value!);
  }

  /** Runners that ask and had a part in a job, the latest last; none for a job that is no business of theirs. */
  of(jobId: string): readonly string[] {
    return [...(this.#runners.get(jobId) ?? [])];
  }

  /** Whether there are any. */
  has(jobId: string): boolean {
    return this.#runners.has(jobId);
  }

  /** The job has ended. */
  end(jobId: string): void {
    this.#runners.delete(jobId);
  }
}

/** The runners that ask. */
export interface Askers {
  /** Whether a runner asks, or did not long ago. */
  asks(runnerId: string): boolean;
  /** A runner alive that asks and serves a queue. */
  serving(queue: string): string | undefined;
}
