import { AttemptOutcome, TaskState } from "@spanloom/protocol";
import { endAsTold, type Settlement, settle } from "../../engine/settle.ts";
import { assertTaskTransition, closingState, type Doom } from "../../engine/states.ts";
import { childFailed, spoilsParent } from "../../engine/subtree.ts";
import { type AttemptClose, isPlainSuccess } from "../attempt-close.ts";
import { encodeFailure, encodeProgress } from "../cells.ts";
import { sumProgress } from "../job-work.ts";
import { noteEnded } from "../note-ended.ts";
import type { Control } from "./control.ts";
import { spreadFailure } from "./doom.ts";
import type { GroupWork } from "./groups.ts";
import { addTimer, insertTasks, makeReady } from "./insert-tasks.ts";
import type { JobWork } from "./jobs.ts";
import { payloadKinds, storeBytes } from "./payloads.ts";
import type { RunningWork } from "./running-attempts.ts";

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
  const settlement = settle(
    { counted, losses, retry: spec.retry, doom },
    endAsTold(close.end, work.stop, spec.concurrency?.key),
    control.options.random,
  );
  assertTaskTransition(TaskState.RUNNING, settlement.state);
  control.changes.tasks.add(work.taskId);
  control.changes.jobs.add(job.id);
  control.counts.attemptEnded(work.spec.queue, {
    outcome: settlement.outcome,
    state: settlement.state,
    ranUs: control.nowUs - work.leasedAtUs,
    dropped: close.droppedTelemetry,
  });
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
