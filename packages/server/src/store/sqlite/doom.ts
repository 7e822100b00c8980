import { CancellationReason, JobState, TaskState } from "@spanloom/protocol";
import type { ReadyRun } from "../../engine/ready-queue.ts";
import { type JobDoom, markDoomed } from "../job-doom.ts";
import { noteEnded } from "../note-ended.ts";
import type { Failure } from "../store.ts";
import type { TaskSpecRecord } from "../task-spec.ts";
import type { Control } from "./control.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import type { JobWork } from "./jobs.ts";
import type { RunningWork } from "./running-attempts.ts";

/** Dooms a job: unstarted tasks end at once, running attempts are told to stop. The caller runs the closings. */
export function doomJob(control: Control, job: JobWork, why: JobDoom): void {
  markDoomed(job, why);
  control.jobs.touch(job);
  control.changes.jobs.add(job.id);
  // The groups to sweep are read from the record, so what this transaction changed must be there.
  control.groups.flush();
  const open = control.groups.ofJob(job.seq).filter((group) => group.open > 0);
  const to = why.doom === "cancelled" ? TaskState.CANCELLED : TaskState.SKIPPED;
  control.ready.removeJob(job.seq);
  for (const group of open) sweepGroup(control, job, group, to);
  for (const work of control.running.all()) {
    if (work.job === job.seq) stopAttempt(control, work, why.stop);
  }
}

/**
 * Follows up the failure of a task: it dooms its job, or the subtree of its nearest optional ancestor.
 *
 * An optional task's own failure goes no further.
 */
export function spreadFailure(control: Control, task: FailedTask): void {
  if (task.spec.optional) return;
  const { job } = task;
  const boundary = optionalAncestor(control, task.group);
  const { failure, id: failedTaskId } = task;
  const stop = CancellationReason.JOB_FAILED;
  if (boundary !== undefined) doomSubtree(control, job, boundary);
  else doomJob(control, job, { doom: "failed", failure, failedTaskId, cancelReason: undefined, stop });
}

/** A task whose failure is final. */
export interface FailedTask {
  id: string;
  job: JobWork;
  group: GroupWork;
  spec: TaskSpecRecord;
  failure: Failure | undefined;
}

/** Tells an attempt to stop; it is fenced when it does not in time. Being told twice changes nothing. */
export function stopAttempt(control: Control, work: RunningWork, reason: CancellationReason): void {
  if (work.stop !== undefined) return;
  work.stop = reason;
  work.fenceAtUs = control.nowUs + control.options.cancelGraceMs * 1000;
  control.changes.cancelled.add(work.runner.id);
  control.changes.addDue(work.fenceAtUs);
}

function optionalAncestor(control: Control, group: GroupWork): number | undefined {
  for (let parent = group.parent; parent !== undefined; ) {
    const [parentGroup, spec] = control.db.row("SELECT task_group, spec FROM task WHERE seq = ?", parent)! as number[];
    if (control.specs.get(spec!).optional) return parent;
    parent = control.groups.get(parentGroup!).parent;
  }
  return undefined;
}

function doomSubtree(control: Control, job: JobWork, root: number): void {
  // The groups to sweep are read from the record, so what this transaction changed must be there.
  control.groups.flush();
  const groups = new Set<number>();
  const pending = [root];
  for (let task = pending.pop(); task !== undefined; task = pending.pop()) {
    for (const group of control.groups.ofParent(task)) {
      if (group.open === 0) continue;
      groups.add(group.seq);
      withdraw(control, group);
      sweepGroup(control, job, group, TaskState.SKIPPED);
      for (const seq of waitingTasks(control, group)) pending.push(seq);
    }
  }
  for (const work of control.running.all()) {
    if (!groups.has(work.group)) continue;
    work.doomed = true;
    control.db.run("UPDATE task SET doomed = 1 WHERE seq = ?", work.seq);
    stopAttempt(control, work, CancellationReason.JOB_FAILED);
  }
}

/** No longer offers any task of a group. Not by reading the job anew: each of its subtrees may fail by itself. */
function withdraw(control: Control, group: GroupWork): void {
  const range = { job: group.job, depth: group.depth, from: group.first, to: group.first + group.count - 1 };
  const specs = control.db.rows(
    "SELECT DISTINCT spec FROM task WHERE seq BETWEEN ? AND ? AND state = ?",
    range.from,
    range.to,
    TaskState.QUEUED,
  );
  for (const [spec] of specs) control.ready.remove(control.specs.get(spec as number), range);
}

function waitingTasks(control: Control, group: GroupWork): number[] {
  const last = group.first + group.count - 1;
  return control.db
    .rows("SELECT seq FROM task WHERE seq BETWEEN ? AND ? AND state = ?", group.first, last, TaskState.WAITING)
    .map(([seq]) => seq as number);
}

function sweepGroup(control: Control, job: JobWork, group: GroupWork, to: TaskState): void {
  const last = group.first + group.count - 1;
  const rows = control.db.rows(
    "SELECT seq, state FROM task WHERE seq BETWEEN ? AND ? AND state <= ?",
    group.first,
    last,
    TaskState.QUEUED,
  );
  if (rows.length === 0) return;
  for (const [seq, state] of rows) {
    control.jobs.move(job, state as TaskState, to);
    control.changes.tasks.add(taskIdOf(group, seq as number));
  }
  control.db.run(
    "UPDATE task SET state = ?, ended_at = ? WHERE seq BETWEEN ? AND ? AND state <= ?",
    to,
    control.nowUs,
    group.first,
    last,
    TaskState.QUEUED,
  );
  noteEnded(control, group, rows.length, true);
}

/** Offers all queued tasks, as they stand in the record. */
export function loadReady(control: Control): void {
  const rows = control.db.rows(
    `SELECT g.seq, t.spec, t.seq, coalesce(t.queued_at, g.unblocked_at) FROM job j
     CROSS JOIN task_group g ON g.job = j.seq AND g.open > 0
     CROSS JOIN task t ON t.seq BETWEEN g.first AND g.first + g.count - 1 AND t.state = ${TaskState.QUEUED}
     WHERE j.state < ${JobState.SUCCEEDED} ORDER BY t.seq`,
  ) as readonly number[][];
  const runs: { spec: number; run: ReadyRun }[] = [];
  for (let i = 0; i < rows.length; ) {
    const [groupSeq, spec, from, queuedAtUs] = rows[i] as [number, number, number, number];
    let end = i + 1;
    while (end < rows.length && continues(rows[end]!, rows[end - 1]!)) end++;
    const group = control.groups.get(groupSeq);
    runs.push({ spec, run: { job: group.job, depth: group.depth, from, to: from + end - i - 1, queuedAtUs } });
    i = end;
  }
  // As they became ready: of equal depth the one that has waited longest goes first.
  runs.sort((a, b) => a.run.queuedAtUs - b.run.queuedAtUs);
  for (const { spec, run } of runs) control.ready.add(control.specs.get(spec), run);
}

/** Whether a row is the next task of the same group and spec, ready since the same moment. */
function continues(row: readonly number[], before: readonly number[]): boolean {
  const [group, spec, seq, queuedAtUs] = row;
  return group === before[0] && spec === before[1] && seq === before[2]! + 1 && queuedAtUs === before[3];
}
