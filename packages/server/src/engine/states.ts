import { JobState, SpanloomError, TaskState } from "@spanloom/protocol";

/** A state by its number; the generated enums are open, so a row from elsewhere might hold another. */
type Transitions = Readonly<Record<number, readonly number[]>>;

/**
 * Which state a task may leave for which. docs/states.md says when.
 *
 * Source: design protocol 2.
 */
export const taskTransitions: Transitions = {
  [TaskState.UNSPECIFIED]: [
    TaskState.BLOCKED,
    TaskState.SCHEDULED,
    TaskState.QUEUED,
    TaskState.SKIPPED,
    TaskState.CANCELLED,
  ],
  [TaskState.BLOCKED]: [TaskState.SCHEDULED, TaskState.QUEUED, TaskState.SKIPPED, TaskState.CANCELLED],
  [TaskState.SCHEDULED]: [TaskState.QUEUED, TaskState.SKIPPED, TaskState.CANCELLED],
  [TaskState.QUEUED]: [TaskState.RUNNING, TaskState.FAILED, TaskState.SKIPPED, TaskState.CANCELLED],
  [TaskState.RUNNING]: [
    TaskState.SCHEDULED,
    TaskState.QUEUED,
    TaskState.WAITING,
    TaskState.SUCCEEDED,
    TaskState.FAILED,
    TaskState.CANCELLED,
  ],
  [TaskState.WAITING]: [TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED],
  // Ended tasks are left by a retry of their job alone.
  [TaskState.SUCCEEDED]: [TaskState.WAITING],
  [TaskState.FAILED]: [TaskState.BLOCKED, TaskState.QUEUED, TaskState.WAITING],
  [TaskState.CANCELLED]: [TaskState.BLOCKED, TaskState.QUEUED, TaskState.WAITING],
  [TaskState.SKIPPED]: [TaskState.BLOCKED, TaskState.QUEUED],
};

/** Which state a job may leave for which. */
export const jobTransitions: Transitions = {
  [JobState.UNSPECIFIED]: [JobState.QUEUED],
  [JobState.QUEUED]: [JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED],
  [JobState.RUNNING]: [JobState.CANCELLING, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED],
  [JobState.CANCELLING]: [JobState.CANCELLED],
  // Ended jobs are left by a retry alone.
  [JobState.SUCCEEDED]: [JobState.QUEUED, JobState.RUNNING],
  [JobState.FAILED]: [JobState.QUEUED, JobState.RUNNING],
  [JobState.CANCELLED]: [JobState.QUEUED, JobState.RUNNING],
};

/** States of tasks that have not begun: what a doomed job skips and a cancelled job cancels. */
export const unstartedTaskStates: readonly TaskState[] = [TaskState.BLOCKED, TaskState.SCHEDULED, TaskState.QUEUED];

/** Whether a task in this state has ended. */
export function isTaskEnded(state: TaskState): boolean {
  return state >= TaskState.SUCCEEDED;
}

/** Whether a job in this state has ended. */
export function isJobEnded(state: JobState): boolean {
  return state >= JobState.SUCCEEDED;
}

/**
 * Refuses a task transition the table does not have.
 *
 * Errors: INTERNAL, as only a defect asks for one.
 */
export function assertTaskTransition(from: TaskState, to: TaskState): void {
  if (!taskTransitions[from]?.includes(to)) refuse("task", nameOf(TaskState, from), nameOf(TaskState, to));
}

/** Refuses a job transition the table does not have. Staying in a state is none. */
export function assertJobTransition(from: JobState, to: JobState): void {
  if (from !== to && !jobTransitions[from]?.includes(to)) refuse("job", nameOf(JobState, from), nameOf(JobState, to));
}

function nameOf(states: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(states).find(([, number]) => number === value)?.[0] ?? String(value);
}

function refuse(what: string, from: string, to: string): never {
  throw new SpanloomError("INTERNAL", `cannot change ${what}: no transition leads from ${from} to ${to}`);
}

/** Why the unstarted tasks of a job, or of an optional task's subtree, will not run. */
export type Doom = "none" | "failed" | "cancelled";

/** What a job's state follows from. */
export interface JobFacts {
  /** Whether any attempt ever began. */
  started: boolean;
  doom: Doom;
  /** How it had ended before a retry that left out tasks which keep it from succeeding; none without such a retry. */
  kept?: Doom;
  /** Tasks that have not ended. */
  openTasks: number;
}

/** A job's state: computed from counters, never by scanning its tasks. */
export function jobStateOf({ started, doom, kept = "none", openTasks }: JobFacts): JobState {
  if (openTasks > 0) {
    if (doom === "cancelled") return JobState.CANCELLING;
    return started ? JobState.RUNNING : JobState.QUEUED;
  }
  const end = doom === "none" ? kept : doom;
  if (end === "cancelled") return JobState.CANCELLED;
  return end === "failed" ? JobState.FAILED : JobState.SUCCEEDED;
}

/** How a task whose own code succeeded ends once its subtree is done. */
export function closingState(spoiled: boolean, doom: Doom): TaskState {
  if (!spoiled) return TaskState.SUCCEEDED;
  return doom === "cancelled" ? TaskState.CANCELLED : TaskState.FAILED;
}
