/**
 * A job as its spans tell it, for finding its critical path.
 *
 * Times are microseconds since the job's start. Spans are named by the row they were read from.
 */

/** One attempt of a task. */
export interface PathAttempt {
  row: number;
  number: number;
  /** How long it waited for a runner, and before that for its backoff. */
  queuedUs: number;
  backoffUs: number;
  leasedUs: number;
  /** Infinity while it runs. */
  endedUs: number;
}

/** One task. */
export interface PathTask {
  row: number;
  createdUs: number;
  /** Infinity while it is open. */
  endedUs: number;
  /** When its dependencies were done; undefined when they were not. */
  unblockedUs: number | undefined;
  /** When it last became ready to be leased, and when an attempt was last put off; undefined when never. */
  lastQueuedUs: number | undefined;
  lastRetryUs: number | undefined;
  /** By number. */
  attempts: PathAttempt[];
  /** What its attempts submitted. */
  children: Siblings;
  /** The tasks it was submitted with, itself included: its dependencies are among them. */
  siblings: Siblings;
  /** Rows of the tasks it depends on, when they had to be read. */
  dependencies: ReadonlySet<number> | undefined;
}

/** A job. */
export interface PathJob {
  row: number;
  /** When it ended; now for one that has not. */
  endedUs: number;
  roots: Siblings;
}

/** Tasks of one parent. */
export class Siblings {
  /** Of a parent that submitted nothing. */
  static readonly none = new Siblings();
  readonly tasks: PathTask[] = [];
  #byEnd: Map<number, PathTask[]> | undefined;

  /** Tasks that ended at this very moment. The first call indexes them all: none may be added afterwards. */
  endedAt(us: number): readonly PathTask[] {
    this.#byEnd ??= Map.groupBy(this.tasks, ({ endedUs }) => endedUs);
    return this.#byEnd.get(us) ?? [];
  }
}

/** Until when a task waited for its dependencies: when they were done, or for as long as it lived. */
export function blockedUntilUs({ unblockedUs, endedUs }: PathTask): number {
  return unblockedUs ?? endedUs;
}

/**
 * Tasks that may be the dependency another waited for until `us`: one ends in the very commit that unblocks what waits
 * for it, so its end is the time.
 */
export function lastDependencies(task: PathTask, us: number): readonly PathTask[] {
  const ended = task.siblings.endedAt(us);
  const { dependencies } = task;
  const known = dependencies && ended.filter(({ row }) => dependencies.has(row));
  // Of many dependencies a span links to the first thousand only: the last to end may be among the others.
  return known && known.length > 0 ? known : ended.filter((other) => other !== task);
}
