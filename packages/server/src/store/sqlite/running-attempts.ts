import type { CancellationReason } from "@spanloom/protocol";
import type { ProgressRecord } from "../store.ts";
import type { TaskSpecRecord } from "../task-spec.ts";
import type { RunnerWork } from "./runner-table.ts";

/** An attempt that holds a lease. */
export interface RunningWork {
  /** Row of the task. */
  readonly seq: number;
  readonly taskId: string;
  readonly group: number;
  readonly job: number;
  readonly spec: TaskSpecRecord;
  readonly attempt: number;
  readonly counted: number;
  readonly losses: number;
  readonly token: Uint8Array;
  readonly runner: RunnerWork;
  readonly leasedAtUs: number;
  readonly queuedAtUs: number;
  readonly backoffUs: number;
  readonly deadlineUs: number | undefined;
  expiresAtUs: number;
  progress: readonly ProgressRecord[];
  /** Why it should stop, once it should. */
  stop: CancellationReason | undefined;
  /** When it is ended without its runner, once it should stop. */
  fenceAtUs: number | undefined;
  /** Whether an optional ancestor's subtree failed meanwhile. */
  doomed: boolean;
}

/**
 * All attempts that hold a lease: as many as runners have places, so they fit in memory.
 *
 * Leases are extended here alone. A server that starts again gives each a whole lease anew, so a heartbeat needs no
 * write, and no lease ends earlier than its runner was told.
 */
export class RunningAttempts {
  readonly #byTask = new Map<string, RunningWork>();
  /** By concurrency key, the longest-running first. */
  readonly #holders = new Map<string, Set<RunningWork>>();

  /** The attempt of a task, if one runs. */
  get(taskId: string): RunningWork | undefined {
    return this.#byTask.get(taskId);
  }

  /** Adds an attempt. */
  add(work: RunningWork): void {
    this.#byTask.set(work.taskId, work);
    work.runner.running.add(work);
    const key = work.spec.concurrency?.key;
    if (key === undefined) return;
    const holders = this.#holders.get(key) ?? new Set();
    this.#holders.set(key, holders.add(work));
  }

  /** Attempts that hold a place under a concurrency key, the longest-running first. */
  holders(key: string): Iterable<RunningWork> {
    return this.#holders.get(key) ?? [];
  }

  /** Removes an attempt that ended. */
  remove(work: RunningWork): void {
    this.#byTask.delete(work.taskId);
    work.runner.running.delete(work);
    const key = work.spec.concurrency?.key;
    const holders = key === undefined ? undefined : this.#holders.get(key);
    holders?.delete(work);
    if (holders?.size === 0) this.#holders.delete(key!);
  }

  /** All attempts. */
  all(): IterableIterator<RunningWork> {
    return this.#byTask.values();
  }

  /** Forgets everything. */
  clear(): void {
    for (const work of this.#byTask.values()) work.runner.running.clear();
    this.#byTask.clear();
    this.#holders.clear();
  }
}

/** When something must be done about an attempt: its lease expires, its deadline passes, it is fenced. */
export function dueOf(work: RunningWork): number {
  const deadlineUs = work.stop === undefined ? (work.deadlineUs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  return Math.min(work.expiresAtUs, deadlineUs, work.fenceAtUs ?? Number.POSITIVE_INFINITY);
}
