import { CancellationReason, TaskState } from "@spanloom/protocol";
import type { RetryRule } from "@spanloom/server/store";
import { isRefused, makeRoom } from "./model-places.ts";
import {
  childrenOf,
  hasEnded,
  isUnstarted,
  type ModelDoom,
  type ModelJob,
  type ModelState,
  type ModelTask,
  tasksOf,
} from "./model-state.ts";
import { type RuleContext, stopAttempt } from "./rule-context.ts";

/**
 * What the end of a task means for others, as design protocol 2 says it: by looking at everything, until nothing changes.
 */

/** Why a task's attempts and its children will not go on. */
export function doomOf(state: ModelState, task: ModelTask): ModelDoom {
  const { doom } = state.jobs.get(task.jobId)!;
  if (doom !== "none") return doom;
  return task.lease?.doomed === true ? "failed" : "none";
}

/** Ends a task. */
export function endTask(context: RuleContext, task: ModelTask, to: TaskState): void {
  context.state.touched.add(task.jobId);
  task.state = to;
  task.endedAtUs = context.nowUs;
  task.lease = undefined;
  task.wakeUs = undefined;
}

/** Fails a task of an undoomed job for good, and follows that up: its job, or its optional ancestor's subtree. */
export function failTask(context: RuleContext, task: ModelTask, failureType: string): void {
  endTask(context, task, TaskState.FAILED);
  task.failureType = failureType;
  spreadFailure(context, task, failureType);
}

function spreadFailure(context: RuleContext, task: ModelTask, failureType: string): void {
  if (task.spec.optional || context.state.jobs.get(task.jobId)!.doom !== "none") return;
  const boundary = optionalAncestor(context.state, task);
  if (boundary !== undefined) doomSubtree(context, boundary);
  else {
    const job = context.state.jobs.get(task.jobId)!;
    doomJob(context, job, { doom: "failed", failureType, failedTask: task.key, reason: CancellationReason.JOB_FAILED });
  }
}

/**
 * Fails queued tasks at once. The end of one may be what skips the others: which of them it was is taken from the store,
 * but none is left as it is.
 */
export function failQueued(context: RuleContext, tasks: readonly ModelTask[], failureType: string): void {
  const open = () => tasks.filter(({ state }) => state === TaskState.QUEUED);
  const failed = open().filter(({ key }) => context.seen(key)?.state === TaskState.FAILED);
  failed.sort((a, b) => Number(context.seen(b.key)!.blamed) - Number(context.seen(a.key)!.blamed));
  for (const task of failed) {
    endTask(context, task, TaskState.FAILED);
    task.failureType = failureType;
  }
  for (const task of failed) spreadFailure(context, task, failureType);
  for (let rest = open(); rest.length > 0; rest = open()) failTask(context, rest[0]!, failureType);
}

function optionalAncestor(state: ModelState, task: ModelTask): ModelTask | undefined {
  if (task.parent === undefined) return undefined;
  const parent = state.tasks.get(task.parent)!;
  return parent.spec.optional ? parent : optionalAncestor(state, parent);
}

/** Why a job is doomed. */
export interface Doom {
  doom: "failed" | "cancelled";
  failureType?: string;
  failedTask?: string;
  cancelReason?: string;
  /** What running attempts are told. */
  reason: CancellationReason;
}

/** Dooms a job: what has not begun never will, what runs is told to stop. */
export function doomJob(context: RuleContext, job: ModelJob, why: Doom): void {
  context.state.touched.add(job.id);
  job.doom = why.doom;
  job.failureType = why.failureType;
  job.failedTask = why.failedTask;
  job.cancelReason = why.cancelReason;
  for (const task of tasksOf(context.state, job.id)) {
    if (isUnstarted(task)) endTask(context, task, why.doom === "cancelled" ? TaskState.CANCELLED : TaskState.SKIPPED);
    else if (task.state === TaskState.RUNNING) stopAttempt(context, task, why.reason);
  }
}

function doomSubtree(context: RuleContext, root: ModelTask): void {
  for (const child of childrenOf(context.state, root)) {
    if (isUnstarted(child)) endTask(context, child, TaskState.SKIPPED);
    else if (child.state === TaskState.RUNNING) {
      child.lease!.doomed = true;
      stopAttempt(context, child, CancellationReason.JOB_FAILED);
    } else doomSubtree(context, child);
  }
}

/** Closes parents whose children are done, unblocks what waited and fails what was refused, until nothing changes. */
export function settleJob(context: RuleContext, jobId: string): void {
  const tasks = tasksOf(context.state, jobId);
  do {
    closeAndUnblock(context, tasks);
  } while (failRejected(context, tasks));
}

function failRejected(context: RuleContext, tasks: readonly ModelTask[]): boolean {
  const { rejected } = context.state;
  const refused = tasks.filter(({ key }) => rejected.delete(key));
  failQueued(context, refused, "ConcurrencyRejected");
  return refused.length > 0;
}

function closeAndUnblock(context: RuleContext, tasks: readonly ModelTask[]): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const task of tasks) {
      if (task.state === TaskState.WAITING) changed = closeParent(context, task) || changed;
      if (task.state === TaskState.BLOCKED) changed = unblock(context, task) || changed;
    }
  }
}

function closeParent(context: RuleContext, task: ModelTask): boolean {
  const children = childrenOf(context.state, task);
  if (!children.every(hasEnded)) return false;
  const spoiled = children.some(spoils);
  const cancelled = context.state.jobs.get(task.jobId)!.doom === "cancelled";
  if (!spoiled) endTask(context, task, TaskState.SUCCEEDED);
  else if (cancelled) endTask(context, task, TaskState.CANCELLED);
  else {
    endTask(context, task, TaskState.FAILED);
    task.failureType = "ChildFailed";
  }
  return true;
}

/** Whether a child that ended like this keeps its parent from succeeding. */
export function spoils({ state, spec }: ModelTask): boolean {
  if (state === TaskState.FAILED) return !spec.optional;
  return state !== TaskState.SUCCEEDED;
}

function unblock(context: RuleContext, task: ModelTask): boolean {
  if (!task.dependsOn.every((key) => hasEnded(context.state.tasks.get(key)!))) return false;
  makeReady(context, task, undefined);
  return true;
}

/** Queues a task whose dependencies are done, or schedules it for its time. */
export function makeReady(context: RuleContext, task: ModelTask, startAtUs: number | undefined): void {
  const { nowUs, state } = context;
  state.touched.add(task.jobId);
  const wakeUs = Math.max(startAtUs ?? 0, nowUs + Math.round((task.spec.startDelayMs ?? 0) * 1000));
  if (wakeUs > nowUs) {
    task.state = TaskState.SCHEDULED;
    task.wakeUs = { min: wakeUs, max: wakeUs };
  } else queueFirst(context, task);
}

/** Offers a task that becomes ready for the first time, unless its key refuses it. */
export function queueFirst(context: RuleContext, task: ModelTask): void {
  if (isRefused(context.state, task)) context.state.rejected.add(task.key);
  queueTask(context, task);
}

/** Offers a task to runners. */
export function queueTask(context: RuleContext, task: ModelTask): void {
  context.state.touched.add(task.jobId);
  task.state = TaskState.QUEUED;
  task.wakeUs = undefined;
  task.queuedAtUs = context.nowUs;
  const { concurrency } = task.spec;
  if (concurrency?.policy === "cancelRunning") makeRoom(context, concurrency);
}

/** How long the wait before the next attempt may be, by the policy and what the failure asked for. */
export function retryDelayMs(
  rule: RetryRule,
  failures: number,
  retryAfterMs: number | undefined,
): { min: number; max: number } {
  let delay = rule.initialDelayMs;
  for (let i = 1; i < failures; i++) delay *= rule.factor;
  delay = Math.min(delay, rule.maxDelayMs);
  const atLeast = retryAfterMs ?? 0;
  return { min: Math.max(delay * (1 - rule.jitter), atLeast), max: Math.max(delay, atLeast) };
}
