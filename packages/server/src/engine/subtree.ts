import { TaskState } from "@spanloom/protocol";

/** Whether a task that ended like this keeps its parent from succeeding. */
export function spoilsParent(state: TaskState, optional: boolean): boolean {
  if (state === TaskState.FAILED) return !optional;
  return state === TaskState.SKIPPED || state === TaskState.CANCELLED;
}

/** Failure of a task whose own code succeeded. */
export const childFailed = {
  type: "ChildFailed",
  message: "a task submitted by this one failed or never ran",
  stack: "",
} as const;

/** What one dependency costs in a lease besides its output, about. */
export const ENTRY_BYTES = 64;

/** What the outputs of `count` dependencies cost in a lease. */
export function dependencyCost(outputBytes: number, count: number): number {
  return outputBytes + count * ENTRY_BYTES;
}
