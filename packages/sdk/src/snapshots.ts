import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  type Attempt,
  AttemptOutcome,
  type Job,
  JobState,
  type Task,
  type TaskFailure,
  TaskState,
} from "@spanloom/protocol";
import { decodePayload } from "./codec.ts";
import { dateOf } from "./date-of.ts";
import { enumNames } from "./enum-names.ts";
import { type JobTriggerSnapshot, toJobTriggerSnapshot } from "./trigger-snapshot.ts";

/** Where a job stands. */
export type JobStateName = Exclude<keyof typeof JobState, "UNSPECIFIED">;

/** Where a task stands. */
export type TaskStateName = Exclude<keyof typeof TaskState, "UNSPECIFIED">;

/** How an attempt ended; RUNNING while it has not. */
export type AttemptOutcomeName = Exclude<keyof typeof AttemptOutcome, "UNSPECIFIED"> | "RUNNING";

/** Tasks of a job by state. */
export interface TaskCountsSnapshot {
  blocked: number;
  scheduled: number;
  queued: number;
  running: number;
  waiting: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  skipped: number;
}

/** An error in a task's code. */
export interface FailureSnapshot {
  /** Its class name. */
  type: string;
  /** Its message. */
  message: string;
  /** Its stack; empty when there was none. */
  stack: string;
}

/** How far something is, under one label. */
export interface ProgressSnapshot {
  /** What is counted; empty for the one unlabelled bar. */
  label: string;
  /** Units done. */
  done: number;
  /** Units in all; 0 when unknown. */
  total: number;
}

/** A job as it stood when the server answered: plain data, nothing in it changes. */
export interface JobSnapshot {
  /** UUIDv7. */
  id: string;
  /** Name given by the submitter. */
  name: string;
  /** Where it stands. */
  state: JobStateName;
  /** Tags given by the submitter. */
  tags: Record<string, string>;
  /** Default queue of its tasks. */
  queue: string;
  /** Default priority of its tasks. */
  priority: number;
  /** Its tasks by state. */
  counts: TaskCountsSnapshot;
  /** Attempts so far. */
  attempts: number;
  /** Progress by label, summed over its tasks. */
  progress: ProgressSnapshot[];
  /** Why it failed, when it did. */
  failure?: FailureSnapshot;
  /** The task that failed it. */
  failedTaskId?: string;
  /** When it was submitted. */
  createdAt: Date;
  /** When its first attempt began. */
  startedAt?: Date;
  /** When its last task ended. */
  endedAt?: Date;
  /** Trace its spans are in, 32 hex digits. */
  traceId: string;
  /** Its own span, 16 hex digits. */
  spanId: string;
  /** What set it going; absent from servers that do not tell. */
  trigger?: JobTriggerSnapshot;
  /** When it was run again first, if it was. */
  retriedAt?: Date;
  /** Why it was cancelled, if it was and somebody said. */
  cancelReason?: string;
  /** Outputs of its roots in order, when it succeeded and they were asked for. */
  outputs?: unknown[];
  /** Output of its first root, when it succeeded and outputs were asked for. */
  output?: unknown;
}

/** One attempt of a task. */
export interface AttemptSnapshot {
  /** 1 for the first. */
  number: number;
  /** Runner that held the lease. */
  runnerId: string;
  /** How it ended. */
  outcome: AttemptOutcomeName;
  /** When it was leased. */
  startedAt?: Date;
  /** When it was reported or lost. */
  endedAt?: Date;
  /** Why it failed, when it did. */
  failure?: FailureSnapshot;
}

/** A task as it stood when the server answered. */
export interface TaskSnapshot {
  /** UUIDv7. */
  id: string;
  /** Its job. */
  jobId: string;
  /** Its parent; undefined for roots. */
  parentId?: string;
  /** Name of its code. */
  name: string;
  /** Version of its code. */
  version: string;
  /** Queue it waits or waited in. */
  queue: string;
  /** Where it stands. */
  state: TaskStateName;
  /** Depth in the tree; roots are 0. */
  depth: number;
  /** Text for people. */
  display: string;
  /** Whether its failure is bounded to its subtree. */
  optional: boolean;
  /** Tasks it depends on; at most the first 1,000. */
  dependsOn: string[];
  /** How many it depends on in all. */
  dependencyCount: number;
  /** Direct children. */
  childCount: number;
  /** Its attempts in order. */
  attempts: AttemptSnapshot[];
  /** Progress by label. */
  progress: ProgressSnapshot[];
  /** Why it failed, when it did. */
  failure?: FailureSnapshot;
  /** When it was created. */
  createdAt: Date;
  /** When its first attempt began. */
  startedAt?: Date;
  /** When it ended, children included. */
  endedAt?: Date;
  /** Its span, 16 hex digits. */
  spanId: string;
  /** Its input, when payloads were asked for. */
  input?: unknown;
  /** Its output, when payloads were asked for and it succeeded. */
  output?: unknown;
}

/** Whether a job in this state will never change again, but by a retry. */
export function hasEnded(state: JobStateName): boolean {
  return state === "SUCCEEDED" || state === "FAILED" || state === "CANCELLED";
}

/** A job of the protocol as a plain object. */
export function toJobSnapshot(job: Job): JobSnapshot {
  const outputs = job.outputs.map((bytes) => decodePayload(bytes, `cannot read the output of job "${job.name}"`));
  const retriedAt = dateOf(job.retriedAt);
  return {
    id: job.id,
    name: job.name,
    state: jobStateName(job.state),
    tags: { ...job.tags },
    queue: job.queue,
    priority: job.priority,
    counts: toCounts(job),
    attempts: Number(job.attempts),
    progress: job.progress.map(toProgress),
    ...(job.failure && { failure: toFailureSnapshot(job.failure) }),
    ...(job.failedTaskId && { failedTaskId: job.failedTaskId }),
    createdAt: dateOf(job.createdAt) ?? new Date(0),
    ...dates(job.startedAt, job.endedAt),
    traceId: job.span?.traceId ?? "",
    spanId: job.span?.spanId ?? "",
    ...(job.trigger && { trigger: toJobTriggerSnapshot(job.trigger) }),
    ...(retriedAt && { retriedAt }),
    ...(job.cancelReason && { cancelReason: job.cancelReason }),
    ...(outputs.length > 0 && { outputs, output: outputs[0] }),
  };
}

/** A task of the protocol as a plain object; payloads are decoded when `payloads` is true. */
export function toTaskSnapshot(task: Task, payloads: boolean): TaskSnapshot {
  const owner = `cannot read task "${task.identifier?.name}" (${task.id})`;
  return {
    id: task.id,
    jobId: task.jobId,
    ...(task.parentId && { parentId: task.parentId }),
    name: task.identifier?.name ?? "",
    version: task.identifier?.version ?? "",
    queue: task.queue,
    state: taskStateName(task.state),
    depth: task.depth,
    display: task.display,
    optional: task.optional,
    dependsOn: [...task.dependsOn],
    dependencyCount: task.dependencyCount,
    childCount: task.childCount,
    attempts: task.attempts.map(toAttempt),
    progress: task.progress.map(toProgress),
    ...(task.failure && { failure: toFailureSnapshot(task.failure) }),
    createdAt: dateOf(task.createdAt) ?? new Date(0),
    ...dates(task.startedAt, task.endedAt),
    spanId: task.span?.spanId ?? "",
    ...(payloads && { input: decodePayload(task.input, owner) }),
    ...(payloads && task.state === TaskState.SUCCEEDED && { output: decodePayload(task.output, owner) }),
  };
}

const jobStateNames = enumNames(JobState);
const taskStateNames = enumNames(TaskState);
const outcomeName = enumNames(AttemptOutcome);

/** A job state by name. */
export function jobStateName(state: JobState): JobStateName {
  return jobStateNames(state) as JobStateName;
}

/** A task state by name. */
export function taskStateName(state: TaskState): TaskStateName {
  return taskStateNames(state) as TaskStateName;
}

/** A failure of the protocol as a plain object. */
export function toFailureSnapshot(failure: TaskFailure): FailureSnapshot {
  return { type: failure.type, message: failure.message, stack: failure.stack };
}

function toAttempt(attempt: Attempt): AttemptSnapshot {
  const running = attempt.outcome === AttemptOutcome.UNSPECIFIED;
  return {
    number: attempt.number,
    runnerId: attempt.runnerId,
    outcome: running ? "RUNNING" : (outcomeName(attempt.outcome) as AttemptOutcomeName),
    ...dates(attempt.startedAt, attempt.endedAt),
    ...(attempt.failure && { failure: toFailureSnapshot(attempt.failure) }),
  };
}

function toCounts(job: Job): TaskCountsSnapshot {
  const count = (name: keyof TaskCountsSnapshot): number => Number(job.counts?.[name] ?? 0);
  return {
    blocked: count("blocked"),
    scheduled: count("scheduled"),
    queued: count("queued"),
    running: count("running"),
    waiting: count("waiting"),
    succeeded: count("succeeded"),
    failed: count("failed"),
    cancelled: count("cancelled"),
    skipped: count("skipped"),
  };
}

function toProgress(progress: { label: string; done: bigint; total: bigint }): ProgressSnapshot {
  return { label: progress.label, done: Number(progress.done), total: Number(progress.total) };
}

function dates(startedAt: Timestamp | undefined, endedAt: Timestamp | undefined): { startedAt?: Date; endedAt?: Date } {
  const start = dateOf(startedAt);
  const end = dateOf(endedAt);
  return { ...(start && { startedAt: start }), ...(end && { endedAt: end }) };
}
