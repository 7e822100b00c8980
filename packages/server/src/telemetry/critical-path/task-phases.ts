import { blockedUntilUs, lastDependencies, type PathTask } from "./path-task.ts";

/** What a stretch of a job's time went to. */
export type PathKind = "running" | "queued" | "blocked" | "backoff" | "overhead";

/** A stretch of a task's time. */
export interface Phase {
  /** `waiting` is for the tasks it submitted, `dependency` for those it depends on. */
  kind: PathKind | "waiting" | "dependency";
  fromUs: number;
  toUs: number;
  /** The attempt that ran; the task for all else. */
  row: number;
}

/**
 * The whole life of a task, creation to end, as stretches that follow each other without gap or overlap, however odd the
 * times of its spans are.
 */
export function phasesOf(task: PathTask, endUs: number): Phase[] {
  const phases: Phase[] = [];
  const limitUs = Math.min(task.endedUs, endUs);
  let atUs = Math.min(task.createdUs, limitUs);
  const add = (kind: Phase["kind"], until: number, row = task.row): void => {
    const toUs = Math.min(Math.max(until, atUs), limitUs);
    if (toUs > atUs) phases.push({ kind, fromUs: atUs, toUs, row });
    atUs = toUs;
  };
  const { attempts } = task;
  for (const [i, { row, queuedUs, backoffUs, leasedUs, endedUs }] of attempts.entries()) {
    const readyUs = leasedUs - queuedUs;
    if (i === 0) {
      add("dependency", Math.min(blockedUntilUs(task), readyUs));
      add("blocked", readyUs);
    } else if (backoffUs > 0) add("backoff", Math.min(atUs + backoffUs, readyUs));
    // The job was retried, and with the task what it depends on.
    else if (lastDependencies(task, readyUs).length > 0) add("dependency", readyUs);
    add("overhead", readyUs);
    add("queued", leasedUs);
    add("running", endedUs, row);
  }
  addRest(add, task, atUs);
  return phases;
}

type Add = (kind: Phase["kind"], until: number, row?: number) => void;

/** After the last attempt: its children, or a wait for another attempt that has not come. */
function addRest(add: Add, task: PathTask, atUs: number): void {
  const { children, attempts, lastQueuedUs = -1, lastRetryUs = -1 } = task;
  const last = attempts.at(-1);
  if (children.tasks.length > 0) add("waiting", Number.POSITIVE_INFINITY);
  else if (!last) {
    add("dependency", blockedUntilUs(task));
    add("blocked", lastQueuedUs >= 0 ? lastQueuedUs : Number.POSITIVE_INFINITY);
    add("queued", Number.POSITIVE_INFINITY);
  } else {
    const waits = lastQueuedUs > last.leasedUs - last.queuedUs && lastQueuedUs >= atUs;
    if (lastRetryUs >= atUs) add("backoff", waits ? lastQueuedUs : Number.POSITIVE_INFINITY);
    if (waits) {
      add("overhead", lastQueuedUs);
      add("queued", Number.POSITIVE_INFINITY);
    }
    add("overhead", Number.POSITIVE_INFINITY);
  }
}
