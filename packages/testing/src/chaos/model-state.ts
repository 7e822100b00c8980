import { type AttemptOutcome, type CancellationReason, JobState, TaskState } from "@spanloom/protocol";
import type { NewJob, NewTaskSpec, ProgressRecord } from "@spanloom/server/store";

/**
 * What the reference model remembers: plain data, named by the inputs of tasks, which are all different.
 *
 * Nothing here is counted or cached. Whatever the store keeps in a counter, an index or a queue the model finds by
 * looking at every task.
 */

/** Why the unstarted tasks of a job will not run. */
export type ModelDoom = "none" | "failed" | "cancelled";

/** A job of the model. */
export interface ModelJob {
  id: string;
  submitted: NewJob;
  doom: ModelDoom;
  /** Of the failure that doomed it. */
  failureType: string | undefined;
  failedTask: string | undefined;
  cancelReason: string | undefined;
  started: boolean;
  deadlineUs: number | undefined;
  /** Whether it asked for a place under its concurrency key, and has one or needs none. */
  applied: boolean;
  admitted: boolean;
  /** When it asked, and when it was let in, as places in one order of things. */
  order: number;
  admittedOrder: number;
}

/** An execution of a task. */
export interface ModelAttempt {
  number: number;
  runnerId: string;
  token: string;
  leasedAtUs: number;
  endedAtUs: number | undefined;
  outcome: AttemptOutcome;
  failureType: string | undefined;
  /** Whether its runner ended it, so that the same report is answered as the first time. */
  reported: boolean;
}

/** What a running attempt holds. */
export interface ModelLease {
  expiresAtUs: number;
  leaseMs: number;
  /** Earlier of the attempt's timeout and the job's deadline. */
  deadlineUs: number | undefined;
  stop: CancellationReason | undefined;
  /** Another reason of the same pass of maintenance, which the store may have come to first. */
  orStop: CancellationReason | undefined;
  fenceAtUs: number | undefined;
  /** Whether the subtree of an optional ancestor failed meanwhile. */
  doomed: boolean;
  /** Place in the order in which leases were given. */
  order: number;
}

/** A task of the model. */
export interface ModelTask {
  /** Its input. */
  key: string;
  /** As the store named it, once that is known. */
  id: string | undefined;
  jobId: string;
  /** Key of the parent. */
  parent: string | undefined;
  parentAttempt: number;
  /** With everything inherited filled in. */
  spec: NewTaskSpec & { queue: string; priority: number };
  depth: number;
  display: string;
  /** Keys of the tasks it waits for. */
  dependsOn: readonly string[];
  state: TaskState;
  createdAtUs: number;
  endedAtUs: number | undefined;
  attempts: ModelAttempt[];
  /** Attempts that count against the retry policy. */
  counted: number;
  losses: number;
  lease: ModelLease | undefined;
  /** While SCHEDULED: when it wakes, as a range until the store has told which it drew. */
  wakeUs: { min: number; max: number } | undefined;
  queuedAtUs: number | undefined;
  failureType: string | undefined;
  output: string;
  progress: readonly ProgressRecord[];
}

/** A runner of the model. */
export interface ModelRunner {
  id: string;
  state: "active" | "draining" | "stopped";
  /** What it registered with, as text; undefined when it only ever spoke. */
  offered: string | undefined;
  /** Identifiers it gave back as unknown, as `name@major.minor`. */
  refused: Set<string>;
  /** Those of before the store was opened: it may have forgotten them. */
  refusedBefore: Set<string>;
}

/** A window of a rate limit. */
export interface ModelWindow {
  startUs: number;
  endUs: number;
  /** Starts that count, at least and at most: those before it was left behind count again, if the clock is set back, or not. */
  used: number;
  most: number;
}

/** Everything the model remembers. */
export interface ModelState {
  jobs: Map<string, ModelJob>;
  /** In the order they were created. */
  tasks: Map<string, ModelTask>;
  byId: Map<string, string>;
  runners: Map<string, ModelRunner>;
  /** Starts in the latest window of each rate limit. */
  windows: Map<string, ModelWindow>;
  /** Tasks that a claim passed over for their rate limit. */
  passedForWindow: Set<string>;
  /** When the store last looked at the clock: windows turn then. */
  maintainedUs: number;
  /** Tasks that their key refused and that are about to fail. */
  rejected: Set<string>;
  /** By job and priority of a ready task that was left, how often others were served since that job was. */
  passedOver: Map<string, Map<string, number>>;
  /** Jobs an operation may have changed, to be compared. */
  touched: Set<string>;
  /** Last number given to a lease, an admission or a job. */
  order: number;
}

/** An empty memory. */
export function newModelState(): ModelState {
  return {
    jobs: new Map(),
    tasks: new Map(),
    byId: new Map(),
    runners: new Map(),
    windows: new Map(),
    rejected: new Set(),
    passedForWindow: new Set(),
    maintainedUs: 0,
    passedOver: new Map(),
    touched: new Set(),
    order: 0,
  };
}

/** Whether a task in this state is done for. */
export function hasEnded({ state }: { state: TaskState }): boolean {
  return [TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED].some((end) => end === state);
}

/** Whether a task in this state waits to begin. */
export function isUnstarted({ state }: ModelTask): boolean {
  return [TaskState.BLOCKED, TaskState.SCHEDULED, TaskState.QUEUED].some((one) => one === state);
}

/** Tasks of a job in creation order. */
export function tasksOf(state: ModelState, jobId: string): ModelTask[] {
  return [...state.tasks.values()].filter((task) => task.jobId === jobId);
}

/** Tasks submitted by a task. */
export function childrenOf(state: ModelState, task: ModelTask): ModelTask[] {
  return [...state.tasks.values()].filter(({ parent }) => parent === task.key);
}

/** A job's state, by looking at its tasks. */
export function jobStateOf(state: ModelState, job: ModelJob): JobState {
  const open = tasksOf(state, job.id).some((task) => !hasEnded(task));
  if (open && job.doom === "cancelled") return JobState.CANCELLING;
  if (open) return job.started ? JobState.RUNNING : JobState.QUEUED;
  // A retry of some tasks leaves what it does not run again: the job ends as it had ended.
  if (job.doom === "cancelled" || job.cancelReason !== undefined) return JobState.CANCELLED;
  return job.failureType !== undefined ? JobState.FAILED : JobState.SUCCEEDED;
}

/** Whether a job is done for. */
export function jobHasEnded(state: ModelState, jobId: string): boolean {
  return tasksOf(state, jobId).every(hasEnded);
}

/** What does not agree between the model and the store. */
export class ChaosMismatch extends Error {
  override readonly name = "ChaosMismatch";
}

/** Refuses what must not be. */
export function demand(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new ChaosMismatch(what());
}
