import { JobState } from "@spanloom/protocol";

/** The name of a state in URLs and classes, which is what a person reads as well. */
export type JobStateName = "queued" | "running" | "cancelling" | "succeeded" | "failed" | "cancelled";

/** Every state, in the order of a job's life. */
export const jobStates: readonly { name: JobStateName; state: JobState }[] = [
  { name: "queued", state: JobState.QUEUED },
  { name: "running", state: JobState.RUNNING },
  { name: "cancelling", state: JobState.CANCELLING },
  { name: "succeeded", state: JobState.SUCCEEDED },
  { name: "failed", state: JobState.FAILED },
  { name: "cancelled", state: JobState.CANCELLED },
];

/** The name of a state; one that this console does not know reads as queued. */
export function jobStateName(state: JobState): JobStateName {
  return jobStates.find((each) => each.state === state)?.name ?? "queued";
}

/** Whether a job in this state changes no more, unless it is retried. */
export function isEnded(state: JobState): boolean {
  return state === JobState.SUCCEEDED || state === JobState.FAILED || state === JobState.CANCELLED;
}
