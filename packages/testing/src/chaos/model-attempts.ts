import { AttemptOutcome, CancellationReason, TaskState } from "@spanloom/protocol";
import type { AttemptReport, AttemptResult, NewTaskSet, NewTaskSpec, ProgressRecord } from "@spanloom/server/store";
import { doomOf, endTask, failTask, makeReady, queueTask, retryDelayMs, settleJob } from "./model-rules.ts";
import type { ModelJob, ModelState, ModelTask } from "./model-state.ts";
import type { RuleContext } from "./rule-context.ts";

/** How often a task is queued again after its lease was lost (design protocol 4). */
const MAX_LOSSES = 10;

/** How an attempt ends: as reported, or without its runner. */
export type ModelEnd = AttemptResult | { kind: "lost" } | { kind: "fenced" };

/** What its runner said besides the result; undefined when the store ended the attempt. */
export type Reported = Pick<AttemptReport, "progress"> | undefined;

/** Ends the running attempt of a task. */
export function endAttempt(context: RuleContext, task: ModelTask, end: ModelEnd, reported: Reported): void {
  const { state, nowUs } = context;
  state.touched.add(task.jobId);
  const attempt = task.attempts.at(-1)!;
  attempt.endedAtUs = nowUs;
  attempt.reported = reported !== undefined;
  if (reported !== undefined && reported.progress.length > 0) task.progress = reported.progress;
  const madeWay = task.lease!.stop === CancellationReason.CONCURRENCY && end.kind !== "success";
  endAs(context, task, madeWay ? displaced : end);
  settleJob(context, task.jobId);
}

/** How an attempt ends that was told to make way, whatever its runner says. */
const displaced: ModelEnd = {
  kind: "failure",
  failure: { type: "ConcurrencyCancelled", message: "", stack: "" },
  outcome: AttemptOutcome.CANCELLED,
  retryable: false,
  retryAfterMs: undefined,
};

function endAs(context: RuleContext, task: ModelTask, end: ModelEnd): void {
  const attempt = task.attempts.at(-1)!;
  switch (end.kind) {
    case "success":
      attempt.outcome = AttemptOutcome.SUCCESS;
      succeed(context, task, end);
      break;
    case "failure":
      attempt.outcome = end.outcome;
      attempt.failureType = end.failure.type;
      failAttempt(context, task, end);
      break;
    case "fenced":
      fence(context, task);
      break;
    case "released":
      attempt.outcome = AttemptOutcome.RELEASED;
      runAgainAtOnce(context, task);
      break;
    case "lost":
      attempt.outcome = AttemptOutcome.LOST;
      lose(context, task);
  }
}

function succeed(context: RuleContext, task: ModelTask, end: Extract<AttemptResult, { kind: "success" }>): void {
  task.counted++;
  task.output = Buffer.from(end.output).toString();
  if (end.display !== undefined) task.display = end.display;
  const doom = doomOf(context.state, task);
  if (end.children === undefined) {
    endTask(context, task, TaskState.SUCCEEDED);
    return;
  }
  const job = context.state.jobs.get(task.jobId)!;
  // Its own place is free by the time its children ask for theirs.
  task.state = TaskState.WAITING;
  task.lease = undefined;
  addTasks(context, job, { set: end.children, parent: task, doom });
  if (doom === "none") return;
  // The children are on record and never run, so the parent cannot succeed.
  endTask(context, task, doom === "cancelled" ? TaskState.CANCELLED : TaskState.FAILED);
  if (doom === "failed") task.failureType = "ChildFailed";
}

function failAttempt(context: RuleContext, task: ModelTask, end: Extract<AttemptResult, { kind: "failure" }>): void {
  const { state, nowUs } = context;
  const doom = doomOf(state, task);
  task.counted++;
  if (doom !== "none") {
    const cancelled = doom === "cancelled" || end.outcome === AttemptOutcome.CANCELLED;
    endTask(context, task, cancelled ? TaskState.CANCELLED : TaskState.FAILED);
    task.failureType = end.failure.type;
    return;
  }
  const { retry } = task.spec;
  const never = end.retryable === false || retry.nonRetryableTypes.includes(end.failure.type);
  if (never || task.counted >= retry.maxAttempts) {
    failTask(context, task, end.failure.type);
    return;
  }
  const delay = retryDelayMs(retry, task.counted, end.retryAfterMs);
  forgetAttempt(task);
  if (delay.max <= 0) queueTask(context, task);
  else {
    task.state = TaskState.SCHEDULED;
    task.wakeUs = { min: nowUs + delay.min * 1000, max: nowUs + delay.max * 1000 };
  }
}

function forgetAttempt(task: ModelTask): void {
  task.lease = undefined;
  task.progress = [];
}

function fence(context: RuleContext, task: ModelTask): void {
  const { stop, orStop } = task.lease!;
  // Of a doomed task the end alone tells which reason came first.
  const isOpen = orStop !== undefined && [stop, orStop].some((reason) => reason === CancellationReason.TIMEOUT);
  const timedOut = isOpen ? context.seen(task.key)?.state === TaskState.FAILED : stop === CancellationReason.TIMEOUT;
  const attempt = task.attempts.at(-1)!;
  attempt.outcome = timedOut ? AttemptOutcome.TIMEOUT : AttemptOutcome.CANCELLED;
  attempt.failureType = timedOut ? "Timeout" : "Cancelled";
  failAttempt(context, task, {
    kind: "failure",
    failure: { type: attempt.failureType, message: "", stack: "" },
    outcome: attempt.outcome,
    retryable: undefined,
    retryAfterMs: undefined,
  });
}

/** Goes on as if the attempt had not been, unless nothing goes on. */
function runAgainAtOnce(context: RuleContext, task: ModelTask): void {
  if (doomOf(context.state, task) !== "none") endTask(context, task, TaskState.CANCELLED);
  else {
    forgetAttempt(task);
    queueTask(context, task);
  }
}

function lose(context: RuleContext, task: ModelTask): void {
  task.losses++;
  const doomed = doomOf(context.state, task) !== "none";
  if (!doomed && task.losses > MAX_LOSSES) {
    task.attempts.at(-1)!.failureType = "LeaseLost";
    failTask(context, task, "LeaseLost");
  } else runAgainAtOnce(context, task);
}

/** Tasks and where they go. */
export interface NewTasks {
  set: NewTaskSet;
  parent: ModelTask | undefined;
  doom: ModelJob["doom"];
  startAtUs?: number | undefined;
}

/** Adds tasks to a job: roots, or the children of a task. */
export function addTasks(context: RuleContext, job: ModelJob, { set, parent, doom, startAtUs }: NewTasks): void {
  const groups: ModelTask[][] = [];
  for (const group of set.groups) {
    const dependsOn = group.dependsOn.flatMap((index) => groups[index]!.map(({ key }) => key));
    const tasks = group.inputs.map((input, i) => {
      const spec = inherit(set.specs[group.specs.length === 1 ? group.specs[0]! : group.specs[i]!]!, job, parent);
      const display = group.displays[i] ?? "";
      return newTask(job.id, { input, spec, parent, dependsOn, display, createdAtUs: context.nowUs });
    });
    groups.push(tasks);
    for (const task of tasks) context.state.tasks.set(task.key, task);
  }
  for (const task of groups.flat()) {
    if (doom !== "none") endTask(context, task, doom === "cancelled" ? TaskState.CANCELLED : TaskState.SKIPPED);
    else if (task.dependsOn.length === 0) makeReady(context, task, startAtUs);
  }
  context.state.touched.add(job.id);
}

function inherit(spec: NewTaskSpec, { submitted }: ModelJob, parent: ModelTask | undefined) {
  const queue = spec.queue ?? parent?.spec.queue ?? submitted.queue;
  return { ...spec, queue, priority: spec.priority ?? submitted.priority };
}

interface TaskParts {
  input: Uint8Array;
  spec: ModelTask["spec"];
  parent: ModelTask | undefined;
  dependsOn: readonly string[];
  display: string;
  createdAtUs: number;
}

function newTask(jobId: string, { input, spec, parent, dependsOn, display, createdAtUs }: TaskParts): ModelTask {
  return {
    key: Buffer.from(input).toString(),
    id: undefined,
    jobId,
    parent: parent?.key,
    parentAttempt: parent?.attempts.length ?? 0,
    spec,
    depth: parent === undefined ? 0 : parent.depth + 1,
    display,
    dependsOn,
    state: TaskState.BLOCKED,
    createdAtUs,
    endedAtUs: undefined,
    attempts: [],
    counted: 0,
    losses: 0,
    lease: undefined,
    wakeUs: undefined,
    queuedAtUs: undefined,
    failureType: undefined,
    output: "",
    progress: [],
  };
}

/** Progress of a job: that of its tasks, summed by label. */
export function jobProgress(state: ModelState, jobId: string): ProgressRecord[] {
  const sums = new Map<string, ProgressRecord>();
  for (const task of state.tasks.values()) {
    if (task.jobId !== jobId) continue;
    for (const { label, done, total } of task.progress) {
      const sum = sums.get(label) ?? { label, done: 0, total: 0 };
      sums.set(label, { label, done: sum.done + done, total: sum.total + total });
    }
  }
  return [...sums.values()].filter(({ done, total }) => done !== 0 || total !== 0);
}
