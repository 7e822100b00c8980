import { AttemptOutcome, CancellationReason, JobState, TaskState } from "@spanloom/protocol";

function namesOf(values: Readonly<Record<string, number>>): (value: number) => string {
  const names = new Map(Object.entries(values).map(([name, value]) => [value, name]));
  return (value) => names.get(value) ?? String(value);
}

/** Name of a task's state. */
export const taskStateText = namesOf(TaskState);
/** Name of a job's state. */
export const jobStateText = namesOf(JobState);
/** Name of an attempt's outcome. */
export const outcomeText = namesOf(AttemptOutcome);
/** Name of a reason to stop. */
export const reasonText = namesOf(CancellationReason);
