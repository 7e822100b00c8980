import { AttemptOutcome, TaskState } from "@spanloom/protocol";
import { queueTask, spoils } from "./model-rules.ts";
import { childrenOf, type ModelJob, type ModelState, type ModelTask, tasksOf } from "./model-state.ts";
import type { RuleContext } from "./rule-context.ts";

/** Retries of ended jobs, as docs/states.md and the protocol's RetryJob say them: sets of tasks, grown until nothing changes. */

/** What a retry would do; undefined when it must be refused. */
export interface ModelRetry {
  /** Run again. */
  rerun: Set<ModelTask>;
  /** Wait for what they submitted again. */
  reopened: Set<ModelTask>;
}

/** Plans a retry of all bad tasks of an ended job, or of the named ones. */
export function planRetry(state: ModelState, job: ModelJob, named: readonly ModelTask[]): ModelRetry | undefined {
  const tasks = tasksOf(state, job.id);
  const chosen = new Set<ModelTask>();
  if (named.length === 0) for (const task of tasks.filter(isBad)) choose(state, task, chosen);
  else {
    if (!named.every(isBad)) return undefined;
    for (const task of named) choose(state, task, chosen);
    followDependants(state, tasks, chosen);
    const waits = (task: ModelTask) => task.dependsOn.some((key) => staysBad(state, state.tasks.get(key)!, chosen));
    if (named.some(waits)) return undefined;
  }
  const rerun = new Set([...chosen].filter((task) => isBad(task) && !ownSuccess(task)));
  if (rerun.size === 0) return undefined;
  return { rerun, reopened: new Set([...chosen].filter((task) => !rerun.has(task))) };
}

function isBad({ state }: ModelTask): boolean {
  return state === TaskState.FAILED || state === TaskState.CANCELLED || state === TaskState.SKIPPED;
}

/** Whether a task's own code succeeded, so that only what it submitted can have made it end badly. */
function ownSuccess({ attempts }: ModelTask): boolean {
  return attempts.at(-1)?.outcome === AttemptOutcome.SUCCESS;
}

/** Chooses a task, all that is bad below it, and its ancestors. */
function choose(state: ModelState, task: ModelTask, chosen: Set<ModelTask>): void {
  chosen.add(task);
  for (const child of childrenOf(state, task)) if (isBad(child)) choose(state, child, chosen);
  for (let { parent } = task; parent !== undefined; ) {
    const above: ModelTask = state.tasks.get(parent)!;
    chosen.add(above);
    parent = above.parent;
  }
}

/** Whether a task will have ended badly, in a way its dependants do not run after, whatever the chosen ones do. */
function staysBad(state: ModelState, task: ModelTask, chosen: ReadonlySet<ModelTask>): boolean {
  if (isBad(task) && spoils(task) && !chosen.has(task)) return true;
  if (task.spec.optional || !chosen.has(task)) return false;
  return childrenOf(state, task).some((child) => staysBad(state, child, chosen));
}

/** Chooses what never ran for want of what runs again. */
function followDependants(state: ModelState, tasks: readonly ModelTask[], chosen: Set<ModelTask>): void {
  for (let size = -1; size !== chosen.size; ) {
    size = chosen.size;
    for (const task of tasks) {
      if (task.state !== TaskState.SKIPPED && task.state !== TaskState.CANCELLED) continue;
      const dependencies = task.dependsOn.map((key) => state.tasks.get(key)!);
      if (!dependencies.some((one) => chosen.has(one))) continue;
      if (!dependencies.some((one) => staysBad(state, one, chosen))) choose(state, task, chosen);
    }
  }
}

/** Does what was planned. */
export function applyRetry(context: RuleContext, job: ModelJob, { rerun, reopened }: ModelRetry): void {
  const { state } = context;
  const chosen = new Set([...rerun, ...reopened]);
  keepBlame(state, job, chosen);
  job.doom = "none";
  job.deadlineUs = undefined;
  state.touched.add(job.id);
  for (const task of reopened) {
    task.state = TaskState.WAITING;
    task.endedAtUs = undefined;
    task.failureType = undefined;
  }
  for (const task of rerun) {
    task.endedAtUs = undefined;
    task.failureType = undefined;
    task.counted = 0;
    task.losses = 0;
    task.progress = [];
    task.output = "";
    const waits = task.dependsOn.some((key) => chosen.has(state.tasks.get(key)!));
    if (waits) task.state = TaskState.BLOCKED;
    else queueTask(context, task);
  }
}

/** What keeps the job from succeeding, whatever runs again, stays on it. */
function keepBlame(state: ModelState, job: ModelJob, chosen: ReadonlySet<ModelTask>): void {
  const tasks = tasksOf(state, job.id);
  const spoiled = tasks.some((task) => task.parent === undefined && staysBad(state, task, chosen));
  if (!spoiled) {
    job.failureType = undefined;
    job.failedTask = undefined;
    job.cancelReason = undefined;
  } else if (job.doom === "failed") {
    const left = tasks.find((task) => !chosen.has(task) && failedItsJob(state, task));
    if (left === undefined) return;
    job.failureType = left.failureType;
    job.failedTask = left.key;
  }
}

function failedItsJob(state: ModelState, task: ModelTask): boolean {
  if (task.state !== TaskState.FAILED || ownSuccess(task)) return false;
  for (let one: ModelTask | undefined = task; one !== undefined; ) {
    if (one.spec.optional) return false;
    one = one.parent === undefined ? undefined : state.tasks.get(one.parent)!;
  }
  return true;
}
