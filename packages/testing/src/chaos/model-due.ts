import { TaskState } from "@spanloom/protocol";
import { nextWindowUs } from "./model-places.ts";
import { jobHasEnded, type ModelState, type ModelTask } from "./model-state.ts";

/** When the running attempt of a task is ended if its runner does nothing. */
export function dueOf({ lease }: ModelTask): number {
  if (lease === undefined) return Infinity;
  const deadlineUs = lease.stop === undefined ? (lease.deadlineUs ?? Infinity) : Infinity;
  return Math.min(lease.expiresAtUs, deadlineUs, lease.fenceAtUs ?? Infinity);
}

/** When a queued task has waited for as long as it may. */
export function queueDueUs({ state, queuedAtUs, spec }: ModelTask): number {
  if (state !== TaskState.QUEUED || spec.queueTimeoutMs === undefined) return Infinity;
  return queuedAtUs! + Math.round(spec.queueTimeoutMs * 1000);
}

/** When the next thing is due; Infinity when nothing is pending. */
export function earliestDueUs(state: ModelState, nowUs: number): number {
  let due = nextWindowUs(state, nowUs);
  for (const task of state.tasks.values()) {
    due = Math.min(due, dueOf(task), task.wakeUs?.max ?? Infinity, queueDueUs(task));
  }
  for (const job of state.jobs.values()) {
    if (job.doom === "none" && !jobHasEnded(state, job.id)) due = Math.min(due, job.deadlineUs ?? Infinity);
  }
  return due;
}
