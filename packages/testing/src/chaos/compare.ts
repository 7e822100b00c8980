import { type AttemptOutcome, JobState, TaskState } from "@spanloom/protocol";
import type { JobRecord, ProgressRecord, TaskRecord } from "@spanloom/server/store";
import { jobStateText, outcomeText, taskStateText } from "./enum-names.ts";
import type { ReferenceModel } from "./model.ts";
import { jobProgress } from "./model-attempts.ts";
import {
  ChaosMismatch,
  childrenOf,
  demand,
  jobStateOf,
  type ModelJob,
  type ModelState,
  type ModelTask,
  tasksOf,
} from "./model-state.ts";

/** A job and its tasks as the store shows them. */
export interface JobSnapshot {
  job: JobRecord;
  tasks: readonly TaskRecord[];
}

/**
 * Holds a job in the store to the model, and its counters to a recount of its tasks.
 *
 * Learns from it what the store alone decides: ids of tasks, and where in its range a delay with jitter fell.
 */
export function compareJob(model: ReferenceModel, { job, tasks }: JobSnapshot): void {
  const { state } = model;
  const known = state.jobs.get(job.id);
  demand(known !== undefined, () => `the store has a job ${job.id} that nobody submitted`);
  const expected = tasksOf(state, job.id);
  for (const task of tasks) learnId(state, task);
  demand(tasks.length === expected.length, () => `job ${job.id} has ${tasks.length} tasks, not ${expected.length}`);
  for (const task of tasks) compareTask(state, state.tasks.get(state.byId.get(task.id)!)!, task);
  compareJobItself(state, known, job);
  recount(job, tasks);
}

function learnId(state: ModelState, { id, input }: TaskRecord): void {
  const key = Buffer.from(input!).toString();
  const task = state.tasks.get(key);
  demand(task !== undefined, () => `the store has a task ${id} with input ${key} that nobody submitted`);
  demand(task.id === undefined || task.id === id, () => `task ${key} is both ${task.id} and ${id}`);
  task.id = id;
  state.byId.set(id, key);
}

/** Refuses two descriptions that differ, naming the parts that do. */
function same(what: string, seen: Readonly<Record<string, unknown>>, wanted: Readonly<Record<string, unknown>>): void {
  const differences = Object.keys(wanted)
    .map((name) => ({ name, seen: JSON.stringify(seen[name]), wanted: JSON.stringify(wanted[name]) }))
    .filter((part) => part.seen !== part.wanted)
    .map((part) => `${part.name} is ${part.seen} in the store, ${part.wanted} in the model`);
  if (differences.length > 0) throw new ChaosMismatch(`${what}: ${differences.join("; ")}`);
}

function compareTask(state: ModelState, task: ModelTask, record: TaskRecord): void {
  const { spec } = task;
  const ids = (keys: readonly string[]) => keys.map((key) => state.tasks.get(key)!.id ?? `(${key})`);
  const seen = {
    state: taskStateText(record.state),
    job: record.jobId,
    parent: record.parentId,
    parentAttempt: record.parentAttempt,
    name: `${record.name}@${record.major}.${record.minor}`,
    queue: record.queue,
    priority: record.priority,
    optional: record.optional,
    depth: record.depth,
    display: record.display,
    dependsOn: [...record.dependsOn].sort(),
    attempts: record.attempts.map(attemptText),
    counted: record.attemptCount,
    failure: record.failure?.type,
    output: Buffer.from(record.output ?? []).toString(),
    progress: progressText(record.progress),
    children: record.childCount,
    createdAtUs: record.createdAtUs,
    endedAtUs: record.endedAtUs,
    queuedAtUs: record.state === TaskState.QUEUED ? record.queuedAtUs : undefined,
  };
  same(`task ${task.key} (${record.id})`, seen, {
    state: taskStateText(task.state),
    job: task.jobId,
    parent: task.parent === undefined ? undefined : state.tasks.get(task.parent)!.id,
    parentAttempt: task.parentAttempt,
    name: `${spec.name}@${spec.major}.${spec.minor}`,
    queue: spec.queue,
    priority: spec.priority,
    optional: spec.optional,
    depth: task.depth,
    display: task.display,
    dependsOn: ids(task.dependsOn).sort(),
    attempts: task.attempts.map(attemptText),
    counted: task.counted,
    failure: task.failureType,
    output: task.output,
    progress: progressText(task.progress),
    children: childrenOf(state, task).length,
    createdAtUs: task.createdAtUs,
    endedAtUs: task.endedAtUs,
    queuedAtUs: task.state === TaskState.QUEUED ? task.queuedAtUs : undefined,
  });
  if (task.wakeUs !== undefined) learnWake(task, task.wakeUs, record.scheduledAtUs);
}

/** A microsecond for rounding on either side. */
const ROUNDING_US = 1;

function learnWake(task: ModelTask, { min, max }: { min: number; max: number }, atUs: number | undefined): void {
  const fits = atUs !== undefined && atUs >= min - ROUNDING_US && atUs <= max + ROUNDING_US;
  demand(fits, () => `task ${task.key} wakes at ${atUs}, outside of ${min}..${max}`);
  task.wakeUs = { min: atUs!, max: atUs! };
}

interface AttemptText {
  number: number;
  runnerId: string;
  outcome: AttemptOutcome;
  failure?: { type: string } | undefined;
  failureType?: string | undefined;
  leasedAtUs: number;
  endedAtUs?: number | undefined;
}

function attemptText({ number, runnerId, outcome, failure, failureType, leasedAtUs, endedAtUs }: AttemptText): string {
  const type = failure?.type ?? failureType ?? "";
  return `${number} ${outcomeText(outcome)} ${type} by ${runnerId} ${leasedAtUs}..${endedAtUs ?? ""}`;
}

function progressText(progress: readonly ProgressRecord[]): string[] {
  return progress.map(({ label, done, total }) => `${label} ${done}/${total}`).sort();
}

function compareJobItself(state: ModelState, job: ModelJob, record: JobRecord): void {
  const { submitted } = job;
  const ended = jobStateOf(state, job);
  const succeeded = ended === JobState.SUCCEEDED;
  const roots = tasksOf(state, job.id).filter(({ parent }) => parent === undefined);
  const failed = job.failedTask === undefined ? undefined : state.tasks.get(job.failedTask)!.id;
  same(
    `job ${job.id}`,
    {
      state: jobStateText(record.state),
      name: record.name,
      queue: record.queue,
      priority: record.priority,
      key: record.idempotencyKey,
      failure: record.failure?.type,
      failedTask: record.failedTaskId,
      cancelReason: record.cancelReason,
      progress: progressText(record.progress),
      outputs: record.outputs?.map((bytes) => Buffer.from(bytes).toString()),
      deadlineUs: record.deadlineUs,
    },
    {
      state: jobStateText(ended),
      name: submitted.name,
      queue: submitted.queue,
      priority: submitted.priority,
      key: submitted.idempotencyKey,
      failure: job.failureType,
      failedTask: failed,
      cancelReason: job.cancelReason,
      progress: progressText(jobProgress(state, job.id)),
      outputs: succeeded ? roots.map((root) => (root.state === TaskState.SUCCEEDED ? root.output : "")) : undefined,
      deadlineUs: job.deadlineUs,
    },
  );
}

function recount(job: JobRecord, tasks: readonly TaskRecord[]): void {
  const counts: Record<string, number> = Object.fromEntries(Object.keys(job.counts).map((name) => [name, 0]));
  for (const { state } of tasks) counts[taskStateText(state).toLowerCase()]!++;
  same(`counters of job ${job.id}`, job.counts as unknown as Record<string, number>, counts);
  const attempts = tasks.reduce((sum, task) => sum + task.attempts.length, 0);
  demand(job.attempts === attempts, () => `job ${job.id} counts ${job.attempts} attempts, its tasks have ${attempts}`);
}
