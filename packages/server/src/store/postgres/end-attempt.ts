import { AttemptOutcome, TaskState } from "@spanloom/protocol";
import { endAsTold, type Settlement, settle } from "../../engine/settle.ts";
import { assertTaskTransition, closingState, type Doom } from "../../engine/states.ts";
import { childFailed, spoilsParent } from "../../engine/subtree.ts";
import { type AttemptClose, isPlainSuccess } from "../attempt-close.ts";
import { encodeFailure } from "../cells.ts";
import { sumProgress } from "../job-work.ts";
import { noteEnded } from "../note-ended.ts";
import type { ProgressRecord } from "../store.ts";
import type { Control } from "./control.ts";
import { spreadFailure, unstop } from "./doom.ts";
import { settleEnds } from "./follow-up.ts";
import type { GroupWork } from "./groups.ts";
import { addTimer, insertTasks, makeReady } from "./insert-tasks.ts";
import type { JobWork } from "./jobs.ts";
import type { TaskSpecRecord } from "./specs.ts";
import type { TaskWork } from "./tasks.ts";

interface Ending {
  work: TaskWork;
  spec: TaskSpecRecord;
  job: JobWork;
  group: GroupWork;
  doom: Doom;
  close: AttemptClose;
  settlement: Settlement;
  /** Its progress before this report. */
  before: readonly ProgressRecord[];
}

/**
 * Ends a running attempt and follows up what that means for its task.
 *
 * Its job, group and spec must have been read. The caller runs sweeps and closings.
 */
export async function endAttempt(control: Control, work: TaskWork, close: AttemptClose): Promise<void> {
  const job = control.jobs.get(work.job);
  const group = control.groups.get(work.group);
  const spec = control.specs.get(work.spec);
  const { progress: before } = work;
  // What it belongs to may be doomed already: by what failed, or was refused a place, in this transaction.
  if (close.end.kind !== "success" && mayBeDoomed(control, group)) await settleEnds(control);
  const { doom, settlement } = settleAttempt(control, work, close);
  assertTaskTransition(TaskState.RUNNING, settlement.state);
  unstop(control, work);
  if (spec.gate !== undefined) control.places.release(spec.gate, work.seq);
  control.changes.tasks.add(work.taskId);
  control.changes.jobs.add(job.id);
  control.counts.attemptEnded(spec.queue, {
    outcome: settlement.outcome,
    state: settlement.state,
    ranUs: control.nowUs - work.leasedAtUs!,
    dropped: close.droppedTelemetry,
  });
  const ending: Ending = { work, spec, job, group, doom, close, settlement, before };
  switch (settlement.state) {
    case TaskState.QUEUED:
    case TaskState.SCHEDULED:
      requeue(control, ending);
      break;
    case TaskState.WAITING:
      await endWithChildren(control, ending);
      break;
    default:
      endTask(control, ending, settlement.state);
  }
}

function mayBeDoomed({ rejected, sweeps }: Control, { job, boundary }: GroupWork): boolean {
  if (rejected.some(({ group }) => group.job === job)) return true;
  return boundary !== undefined && sweeps.some((sweep) => sweep.job.seq === job);
}

function settleAttempt(
  control: Control,
  work: TaskWork,
  { end }: AttemptClose,
): { doom: Doom; settlement: Settlement } {
  const job = control.jobs.get(work.job);
  const spec = control.specs.get(work.spec);
  const doom: Doom = job.doom !== "none" ? job.doom : work.doomed ? "failed" : "none";
  const { counted, losses } = work;
  const task = { counted, losses, retry: spec.retry, doom };
  return { doom, settlement: settle(task, endAsTold(end, work.stop, spec.concurrency?.key), control.options.random) };
}

function requeue(control: Control, ending: Ending): void {
  const { work, spec, job, group, settlement } = ending;
  const { state, delayMs } = settlement;
  const { nowUs } = control;
  archiveAttempt(control, ending);
  const delayUs = Math.round(delayMs * 1000);
  const scheduledAt = state === TaskState.SCHEDULED ? nowUs + delayUs : undefined;
  work.state = state;
  work.outcome = AttemptOutcome.UNSPECIFIED;
  work.counted = settlement.counted;
  work.losses = settlement.losses;
  work.queuedAtUs = scheduledAt ?? nowUs;
  work.backoffUs = delayUs;
  work.scheduledAtUs = scheduledAt;
  work.startedAtUs ??= work.leasedAtUs;
  work.progress = [];
  control.tasks.touch(work, "whole");
  sumProgress(control, job, ending.before, []);
  control.jobs.move(job, TaskState.RUNNING, state);
  if (scheduledAt === undefined) makeReady(control, group, spec, [work.seq, work.seq]);
  else addTimer(control, scheduledAt, [work.seq, work.seq]);
}

function archiveAttempt(control: Control, { work, group, close, settlement }: Ending): void {
  control.tasks.attempts.add(
    ...[work.seq, work.attempt, work.runner, close.reported ? work.token : null, settlement.outcome],
    ...[work.leasedAtUs, control.nowUs, work.queuedAtUs ?? group.unblockedAtUs ?? group.createdAtUs],
    ...[work.backoffUs ?? 0, close.droppedTelemetry, encodeFailure(settlement.failure)],
    close.spanExtras.length === 0 ? null : close.spanExtras,
  );
}

async function endWithChildren(control: Control, ending: Ending): Promise<void> {
  const { work, spec, job, group, doom, close } = ending;
  const boundary = spec.optional ? work.seq : group.boundary;
  const { seq, taskId: id, attempt } = work;
  const parent = { seq, id, attempt, queue: spec.queue, depth: group.depth, boundary };
  const inserted = await insertTasks(control, close.children!, { job, parent, startAtUs: undefined, doom });
  work.childCount = inserted.tasks;
  if (doom !== "none") {
    const state = closingState(true, doom);
    endTask(control, ending, state);
    if (state === TaskState.FAILED) work.failure = childFailed;
    control.tasks.touch(work, "whole");
    return;
  }
  work.openGroups = inserted.groups;
  writeEnd(control, ending, TaskState.WAITING);
  control.jobs.move(job, TaskState.RUNNING, TaskState.WAITING);
}

function endTask(control: Control, ending: Ending, state: TaskState): void {
  const { work, spec, job, group, doom, settlement } = ending;
  writeEnd(control, ending, state);
  control.jobs.move(job, TaskState.RUNNING, state);
  noteEnded(control, group, 1, spoilsParent(state, spec.optional));
  if (state === TaskState.FAILED && doom === "none") {
    spreadFailure(control, { id: work.taskId, job, group, optional: spec.optional, failure: settlement.failure });
  }
}

/** Writes the end of an attempt that is its task's last. */
function writeEnd(control: Control, ending: Ending, state: TaskState): void {
  const { work, job, group, close, settlement } = ending;
  // Of other groups nobody asks, and a chain would write each once more.
  if (close.output.length > 0 && (group.dependants > 0 || group.parent === undefined)) {
    group.outputBytes += close.output.length;
    control.groups.touch(group);
  }
  work.state = state;
  work.outcome = settlement.outcome;
  work.counted = settlement.counted;
  work.losses = settlement.losses;
  work.attemptEndedAtUs = control.nowUs;
  work.endedAtUs = state === TaskState.WAITING ? undefined : control.nowUs;
  work.output = close.output.length === 0 ? undefined : close.output;
  if (isPlainSuccess(work, close)) {
    control.tasks.touch(work, "end");
    return;
  }
  work.token = close.reported ? work.token : undefined;
  work.failure = settlement.failure;
  work.progress = close.progress;
  work.extras = close.spanExtras.length === 0 ? undefined : close.spanExtras;
  work.dropped = close.droppedTelemetry;
  work.display = close.display;
  control.tasks.touch(work, "whole");
  sumProgress(control, job, ending.before, close.progress);
}
