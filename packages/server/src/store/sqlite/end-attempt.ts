import { AttemptOutcome, CancellationReason, TaskState } from "@spanloom/protocol";
import { type AttemptEnd, type Settlement, settle } from "../../engine/settle.ts";
import { assertTaskTransition, closingState, type Doom } from "../../engine/states.ts";
import type { NewTaskSet, ProgressRecord } from "../store.ts";
import { childFailed } from "./cascade.ts";
import type { Control } from "./control.ts";
import { spreadFailure } from "./doom.ts";
import type { GroupWork } from "./groups.ts";
import { addTimer, insertTasks, makeReady } from "./insert-tasks.ts";
import type { JobWork } from "./jobs.ts";
import { noteEnded, spoilsParent } from "./note-ended.ts";
import { encodeFailure, encodeProgress, payloadKinds, storeBytes } from "./row.ts";
import type { RunningWork } from "./running-attempts.ts";

/** How an attempt ends and what it leaves behind. */
export interface AttemptClose {
  end: AttemptEnd;
  output: Uint8Array;
  children: NewTaskSet | undefined;
  /** Undefined: as it was. */
  display: string | undefined;
  progress: readonly ProgressRecord[];
  spanExtras: Uint8Array;
  droppedTelemetry: number;
  /** Whether its runner ended it: then the same report again is answered as the first time. */
  reported: boolean;
}

const NO_BYTES = new Uint8Array(0);

/** The close of an attempt that the store ends by itself. */
export function unreportedClose(work: RunningWork, end: AttemptEnd): AttemptClose {
  const nothing = { output: NO_BYTES, children: undefined, display: undefined, spanExtras: NO_BYTES };
  return { end, ...nothing, progress: work.progress, droppedTelemetry: 0, reported: false };
}

interface Ending {
  work: RunningWork;
  job: JobWork;
  group: GroupWork;
  doom: Doom;
  close: AttemptClose;
  settlement: Settlement;
}

/** Ends a running attempt and follows up what that means for its task. The caller runs the closings. */
export function endAttempt(control: Control, work: RunningWork, close: AttemptClose): void {
  control.running.remove(work);
  if (work.spec.gate !== undefined) control.ready.admission.end(work.spec.gate, control.nowUs);
  const job = control.jobs.get(work.job);
  const group = control.groups.get(work.group);
  const doom: Doom = job.doom !== "none" ? job.doom : work.doomed ? "failed" : "none";
  const { counted, losses, spec } = work;
  const settlement = settle({ counted, losses, retry: spec.retry, doom }, endOf(work, close), control.options.random);
  assertTaskTransition(TaskState.RUNNING, settlement.state);
  control.changes.tasks.add(work.taskId);
  control.changes.jobs.add(job.id);
  const ending: Ending = { work, job, group, doom, close, settlement };
  switch (settlement.state) {
    case TaskState.QUEUED:
    case TaskState.SCHEDULED:
      requeue(control, ending);
      break;
    case TaskState.WAITING:
      endWithChildren(control, ending);
      break;
    default:
      endTask(control, ending, settlement.state);
  }
}

/** How the attempt ends: one that was told to make way for another does not come back. */
function endOf({ stop, spec }: RunningWork, { end }: AttemptClose): AttemptEnd {
  if (stop !== CancellationReason.CONCURRENCY || end.kind === "success") return end;
  const message = `another task took its place under concurrency key "${spec.concurrency?.key}"`;
  const failure = { type: "ConcurrencyCancelled", message, stack: "" };
  return { kind: "failure", outcome: AttemptOutcome.CANCELLED, failure, retryable: false, retryAfterMs: undefined };
}

function requeue(control: Control, ending: Ending): void {
  const { work, job, group, settlement } = ending;
  const { state, delayMs } = settlement;
  const { nowUs } = control;
  archiveAttempt(control, ending);
  const delayUs = Math.round(delayMs * 1000);
  const scheduledAt = state === TaskState.SCHEDULED ? nowUs + delayUs : null;
  control.db.run(
    `UPDATE task SET state = ?, outcome = 0, counted = ?, losses = ?, queued_at = ?, backoff_us = ?, scheduled_at = ?,
     started_at = coalesce(started_at, leased_at), progress = NULL WHERE seq = ?`,
    state,
    settlement.counted,
    settlement.losses,
    scheduledAt ?? nowUs,
    delayUs,
    scheduledAt,
    work.seq,
  );
  sumProgress(control, job, work.progress, []);
  control.jobs.move(job, TaskState.RUNNING, state);
  if (scheduledAt === null) makeReady(control, group, work.spec, [work.seq, work.seq]);
  else addTimer(control, scheduledAt, work.seq);
}

function archiveAttempt(control: Control, { work, close, settlement }: Ending): void {
  control.db.run(
    `INSERT INTO attempt (task, number, runner, token, outcome, leased_at, ended_at, queued_at, backoff_us, dropped,
     failure, extras) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    work.seq,
    work.attempt,
    work.runner.seq,
    close.reported ? work.token : null,
    settlement.outcome,
    work.leasedAtUs,
    control.nowUs,
    work.queuedAtUs,
    work.backoffUs,
    close.droppedTelemetry,
    encodeFailure(settlement.failure),
    close.spanExtras.length === 0 ? null : close.spanExtras,
  );
}

function endWithChildren(control: Control, ending: Ending): void {
  const { work, job, group, doom, close } = ending;
  const parent = { seq: work.seq, attempt: work.attempt, queue: work.spec.queue, depth: group.depth };
  const inserted = insertTasks(control, close.children!, { job, parent, startAtUs: undefined, doom });
  if (doom !== "none") {
    endTask(control, ending, closingState(true, doom), inserted.tasks);
    return;
  }
  writeEnd(control, ending, TaskState.WAITING);
  control.db.run(
    "UPDATE task SET open_groups = ?, child_count = ? WHERE seq = ?",
    inserted.groups,
    inserted.tasks,
    work.seq,
  );
  control.jobs.move(job, TaskState.RUNNING, TaskState.WAITING);
}

function endTask(control: Control, ending: Ending, state: TaskState, children = 0): void {
  const { work, job, group, doom, settlement } = ending;
  writeEnd(control, ending, state);
  if (children > 0) {
    const failure = state === TaskState.FAILED ? encodeFailure(childFailed) : null;
    control.db.run("UPDATE task SET child_count = ?, failure = ? WHERE seq = ?", children, failure, work.seq);
  }
  control.jobs.move(job, TaskState.RUNNING, state);
  noteEnded(control, group, 1, spoilsParent(state, work.spec.optional));
  if (state === TaskState.FAILED && doom === "none") {
    spreadFailure(control, { id: work.taskId, job, group, spec: work.spec, failure: settlement.failure });
  }
}

/** Writes the end of an attempt that is its task's last. */
function writeEnd(control: Control, ending: Ending, state: TaskState): void {
  const { work, job, group, close, settlement } = ending;
  const output = storeBytes(control.db, work.seq, payloadKinds.output, close.output);
  group.outputBytes += close.output.length;
  control.groups.touch(group);
  const endedAt = state === TaskState.WAITING ? null : control.nowUs;
  if (isPlainSuccess(work, close)) {
    control.db.run(
      "UPDATE task SET state = ?, outcome = ?, counted = ?, attempt_ended_at = ?, ended_at = ?, output = ? WHERE seq = ?",
      state,
      AttemptOutcome.SUCCESS,
      settlement.counted,
      control.nowUs,
      endedAt,
      output,
      work.seq,
    );
    return;
  }
  control.db.run(
    `UPDATE task SET state = ?, outcome = ?, counted = ?, losses = ?, attempt_ended_at = ?, ended_at = ?, output = ?,
     token = ?, failure = ?, progress = ?, extras = ?, dropped = ?, display = coalesce(?, display) WHERE seq = ?`,
    state,
    settlement.outcome,
    settlement.counted,
    settlement.losses,
    control.nowUs,
    endedAt,
    output,
    close.reported ? work.token : null,
    encodeFailure(settlement.failure),
    encodeProgress(close.progress),
    storeBytes(control.db, work.seq, payloadKinds.extras, close.spanExtras),
    close.droppedTelemetry,
    close.display ?? null,
    work.seq,
  );
  sumProgress(control, job, work.progress, close.progress);
}

function isPlainSuccess(work: RunningWork, close: AttemptClose): boolean {
  return (
    close.end.kind === "success" &&
    close.spanExtras.length === 0 &&
    close.progress.length === 0 &&
    work.progress.length === 0 &&
    close.display === undefined &&
    close.droppedTelemetry === 0
  );
}

/** Replaces a task's share in its job's progress. */
export function sumProgress(
  control: Control,
  job: JobWork,
  before: readonly ProgressRecord[],
  after: readonly ProgressRecord[],
): void {
  if (before.length + after.length === 0) return;
  for (const { label, done, total } of before) addProgress(job, label, -done, -total);
  for (const { label, done, total } of after) addProgress(job, label, done, total);
  for (const [label, { done, total }] of job.progress) if (done === 0 && total === 0) job.progress.delete(label);
  control.jobs.touch(job);
  control.changes.jobs.add(job.id);
}

/** Labels a job keeps; those of further tasks are not summed, as nobody reads a thousand bars. */
const MAX_JOB_LABELS = 100;

function addProgress(job: JobWork, label: string, done: number, total: number): void {
  const old = job.progress.get(label);
  if (old === undefined && (done < 0 || total < 0 || job.progress.size >= MAX_JOB_LABELS)) return;
  const sum = { label, done: (old?.done ?? 0) + done, total: (old?.total ?? 0) + total };
  job.progress.set(label, { label, done: Math.max(0, sum.done), total: Math.max(0, sum.total) });
}
