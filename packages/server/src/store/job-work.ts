import { JobState, TaskState } from "@spanloom/protocol";
import { type Doom, jobStateOf } from "../engine/states.ts";
import type { Failure, JobRecord, NewJob, NewJobTrace, ProgressRecord, TaskCounters } from "./records.ts";

/** What transactions need of a job, and change. */
export interface JobWork {
  readonly seq: number;
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly priority: number;
  readonly trace: NewJobTrace;
  deadlineUs: number | undefined;
  state: JobState;
  doom: Doom;
  startedAtUs: number | undefined;
  endedAtUs: number | undefined;
  attempts: number;
  /** Tasks by TaskState. */
  counts: number[];
  failure: Failure | undefined;
  failedTaskId: string | undefined;
  cancelReason: string | undefined;
  /** By label, summed over tasks. */
  progress: Map<string, ProgressRecord>;
}

/** Dooms by the number they are stored as. */
export const doomNames: readonly Doom[] = ["none", "failed", "cancelled"];

/** Counter columns in the order of TaskState, from BLOCKED on. */
export const counterColumns = "blocked, scheduled, queued, running, waiting, succeeded, failed, cancelled, skipped";

/** A job just submitted, without tasks. */
export function newJobWork(seq: number, { id, name, queue, priority, trace, deadlineUs }: NewJob): JobWork {
  return {
    ...{ seq, id, name, queue, priority, trace, deadlineUs },
    state: JobState.QUEUED,
    doom: "none",
    startedAtUs: undefined,
    endedAtUs: undefined,
    attempts: 0,
    counts: Array.from({ length: TaskState.SKIPPED + 1 }, () => 0),
    failure: undefined,
    failedTaskId: undefined,
    cancelReason: undefined,
    progress: new Map(),
  };
}

/** The record of a job just submitted, with its tasks. */
export function createdRecord(job: NewJob, { counts }: JobWork, createdAtUs: number): JobRecord {
  const { id, name, tags, queue, priority, startAtUs, deadlineUs, idempotencyKey, trace } = job;
  return {
    ...{ id, name, tags, queue, priority, idempotencyKey, trace, createdAtUs },
    state: JobState.QUEUED,
    counts: toCounters(counts),
    attempts: 0,
    progress: [],
    ...(startAtUs !== undefined && { startAtUs }),
    ...(deadlineUs !== undefined && { deadlineUs }),
    ...(job.concurrency !== undefined && { concurrency: job.concurrency }),
    ...(job.trigger !== undefined && { trigger: job.trigger }),
  };
}

/** Counters by TaskState as counters by name. */
export function toCounters(counts: readonly number[]): TaskCounters {
  return {
    blocked: counts[TaskState.BLOCKED]!,
    scheduled: counts[TaskState.SCHEDULED]!,
    queued: counts[TaskState.QUEUED]!,
    running: counts[TaskState.RUNNING]!,
    waiting: counts[TaskState.WAITING]!,
    succeeded: counts[TaskState.SUCCEEDED]!,
    failed: counts[TaskState.FAILED]!,
    cancelled: counts[TaskState.CANCELLED]!,
    skipped: counts[TaskState.SKIPPED]!,
  };
}

/** Tasks of a job that have not ended. */
export function openTasks({ counts }: JobWork): number {
  let open = 0;
  for (let state = TaskState.BLOCKED; state <= TaskState.WAITING; state++) open += counts[state]!;
  return open;
}

/** The state that follows from a job's tasks. */
export function nextJobState(work: JobWork): JobState {
  const { doom, startedAtUs } = work;
  return jobStateOf({ started: startedAtUs !== undefined, doom, kept: keptDoom(work), openTasks: openTasks(work) });
}

/** How a job had ended before a retry that left out what keeps it from succeeding: its failure or reason was kept. */
function keptDoom({ doom, failure, cancelReason }: JobWork): Doom {
  if (doom !== "none") return "none";
  if (failure !== undefined) return "failed";
  return cancelReason === undefined ? "none" : "cancelled";
}

/** The part of a store that sums progress: what it writes and announces. */
interface ProgressKeeper<Job extends JobWork> {
  jobs: { touch(job: Job): void };
  changes: { jobs: Set<string> };
  counts: { progressDropped: number };
}

/** Replaces a task's share in its job's progress. */
export function sumProgress<Job extends JobWork>(
  { jobs, changes, counts }: ProgressKeeper<Job>,
  job: Job,
  before: readonly ProgressRecord[],
  after: readonly ProgressRecord[],
): void {
  if (before.length + after.length === 0) return;
  for (const { label, done, total } of before) addProgress(job, label, -done, -total);
  for (const { label, done, total } of after) if (!addProgress(job, label, done, total)) counts.progressDropped++;
  for (const [label, { done, total }] of job.progress) if (done === 0 && total === 0) job.progress.delete(label);
  jobs.touch(job);
  changes.jobs.add(job.id);
}

/** Labels a job keeps; those of further tasks are not summed, as nobody reads a thousand bars. */
const MAX_JOB_LABELS = 100;

/** False when the job has too many labels for another. */
function addProgress(job: JobWork, label: string, done: number, total: number): boolean {
  const old = job.progress.get(label);
  if (old === undefined && (done < 0 || total < 0 || job.progress.size >= MAX_JOB_LABELS)) return false;
  const sum = { label, done: (old?.done ?? 0) + done, total: (old?.total ?? 0) + total };
  job.progress.set(label, { label, done: Math.max(0, sum.done), total: Math.max(0, sum.total) });
  return true;
}
