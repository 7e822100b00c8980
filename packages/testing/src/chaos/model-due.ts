import { TaskState } from "@spanloom/protocol";
import type { ModelTask } from "./model-state.ts";

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
