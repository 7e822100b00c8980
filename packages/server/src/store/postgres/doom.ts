import { CancellationReason, TaskState } from "@spanloom/protocol";
import { type JobDoom, markDoomed } from "../job-doom.ts";
import { openTasks } from "../job-work.ts";
import { noteEnded } from "../note-ended.ts";
import type { Failure } from "../store.ts";
import { numbers } from "./bulk.ts";
import { type Control, flushRows } from "./control.ts";
import { type GroupWork, groupColumns, taskIdOf } from "./groups.ts";
import type { JobWork } from "./jobs.ts";
import { loadTasks } from "./prefetch.ts";
import { statement } from "./statement.ts";
import type { TaskWork } from "./tasks.ts";
import type { SqlRow } from "./writer.ts";

/** A job, or the subtree below an optional task of it, that will not go on. */
export interface Sweep {
  job: JobWork;
  /** Task whose descendants are meant; undefined: all tasks of the job. */
  root: number | undefined;
  /** How its unstarted tasks end. */
  to: TaskState;
  /** What running attempts are told. */
  stop: CancellationReason;
}

/**
 * Dooms a job: its unstarted tasks end, running attempts are told to stop.
 *
 * What follows for its tasks is left to {@link runSweeps}, once for all jobs doomed meanwhile.
 */
export function doomJob(control: Control, job: JobWork, why: JobDoom): void {
  markDoomed(job, why);
  control.jobs.touch(job);
  control.changes.jobs.add(job.id);
  const to = why.doom === "cancelled" ? TaskState.CANCELLED : TaskState.SKIPPED;
  if (openTasks(job) > 0) control.sweeps.push({ job, root: undefined, to, stop: why.stop });
}

/** A task whose failure is final. */
export interface FailedTask {
  id: string;
  job: JobWork;
  group: GroupWork;
  optional: boolean;
  failure: Failure | undefined;
}

/**
 * Follows up the failure of a task: it dooms its job, or the subtree of its nearest optional ancestor.
 *
 * An optional task's own failure goes no further.
 */
export function spreadFailure(control: Control, task: FailedTask): void {
  if (task.optional) return;
  const { job, failure, id: failedTaskId } = task;
  const { boundary } = task.group;
  const stop = CancellationReason.JOB_FAILED;
  if (boundary !== undefined) control.sweeps.push({ job, root: boundary, to: TaskState.SKIPPED, stop });
  else doomJob(control, job, { doom: "failed", failure, failedTaskId, cancelReason: undefined, stop });
}

const openGroupsOfJobs = statement(
  "open_groups_of_jobs",
  `SELECT ${groupColumns} FROM task_group g WHERE g.job = ANY($1::bigint[]) AND g.open > 0`,
);
const openGroupsBelow = statement(
  "open_groups_below",
  `WITH RECURSIVE below AS (
     SELECT u.root, g.seq, g.first, g.count FROM unnest($1::bigint[]) AS u (root)
     JOIN task_group g ON g.parent = u.root WHERE g.open > 0
     UNION ALL
     SELECT b.root, c.seq, c.first, c.count FROM below b
     CROSS JOIN LATERAL (SELECT seq FROM task WHERE task.seq BETWEEN b.first AND b.first + b.count - 1
       AND task.state = ${TaskState.WAITING} OFFSET 0) t
     CROSS JOIN LATERAL (SELECT * FROM task_group g WHERE g.parent = t.seq AND g.open > 0 OFFSET 0) c
   ) SELECT b.root, ${groupColumns} FROM below b JOIN task_group g ON g.seq = b.seq`,
);
const endUnstarted = statement(
  "end_unstarted_tasks",
  `WITH found AS (
     SELECT t.seq, t.state, u.group_seq, u.state AS next
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[]) AS u (group_seq, first, last, state)
     JOIN task t ON t.seq BETWEEN u.first AND u.last WHERE t.state <= ${TaskState.RUNNING}
   ), ended AS (
     UPDATE task SET state = f.next, ended_at = $5::bigint FROM found f
     WHERE task.seq = f.seq AND f.state <= ${TaskState.QUEUED}
   ) SELECT seq, state, group_seq FROM found ORDER BY seq`,
);
const withdrawJobs = statement("withdraw_jobs", "DELETE FROM ready WHERE job = ANY($1::bigint[])");
const withdrawLines = statement(
  "withdraw_job_lines",
  "DELETE FROM ready_line WHERE job = ANY($1::bigint[]) RETURNING gate",
);
const withdrawGroups = statement(
  "withdraw_groups",
  "DELETE FROM ready WHERE job = ANY($1::bigint[]) AND task_group = ANY($2::bigint[]) RETURNING gate",
);

interface SweptGroup {
  group: GroupWork;
  sweep: Sweep;
}

/** Ends the unstarted tasks of everything doomed since the last call. The caller runs the closings. */
export async function runSweeps(control: Control): Promise<void> {
  const sweeps = control.sweeps.splice(0).filter(({ job }) => openTasks(job) > 0);
  if (sweeps.length === 0) return;
  // The record is scanned, so what the open transaction changed must be there.
  flushRows(control);
  control.ready.flush();
  const swept = await sweptGroups(control, sweeps);
  if (swept.size === 0) return;
  const [rows] = await Promise.all([endUnstartedOf(control, [...swept.values()]), withdraw(control, sweeps, swept)]);
  const running: { seq: number; group: number; sweep: Sweep }[] = [];
  const ended = new Map<number, number>();
  for (const [seq, state, groupSeq] of rows as readonly [number, TaskState, number][]) {
    const { group, sweep } = swept.get(groupSeq)!;
    if (state === TaskState.RUNNING) running.push({ seq, group: groupSeq, sweep });
    else {
      control.jobs.move(sweep.job, state, sweep.to);
      control.changes.tasks.add(taskIdOf(group, seq));
      ended.set(groupSeq, (ended.get(groupSeq) ?? 0) + 1);
    }
  }
  for (const [groupSeq, count] of ended) noteEnded(control, swept.get(groupSeq)!.group, count, true);
  await stopRunning(control, running);
}

function endUnstartedOf(control: Control, ranges: readonly SweptGroup[]): Promise<readonly SqlRow[]> {
  return control.sql.send(endUnstarted, [
    numbers(ranges.map(({ group }) => group.seq)),
    numbers(ranges.map(({ group }) => group.first)),
    numbers(ranges.map(({ group }) => group.first + group.count - 1)),
    numbers(ranges.map(({ sweep }) => sweep.to)),
    control.nowUs,
  ]);
}

async function sweptGroups(control: Control, sweeps: readonly Sweep[]): Promise<Map<number, SweptGroup>> {
  const whole = new Map(sweeps.filter(({ root }) => root === undefined).map((sweep) => [sweep.job.seq, sweep]));
  const partial = sweeps.filter(({ root, job }) => root !== undefined && !whole.has(job.seq));
  const roots = new Map(partial.map((sweep) => [sweep.root!, sweep]));
  const [ofJobs, below] = await Promise.all([
    whole.size === 0 ? [] : control.sql.ask(openGroupsOfJobs, [numbers(whole.keys())]),
    roots.size === 0 ? [] : control.sql.ask(openGroupsBelow, [numbers(roots.keys())]),
  ]);
  const swept = new Map<number, SweptGroup>();
  for (const [root, ...row] of below) {
    const [group] = control.groups.addRows([row]);
    swept.set(group!.seq, { group: group!, sweep: roots.get(root as number)! });
  }
  for (const group of control.groups.addRows(ofJobs)) {
    swept.set(group.seq, { group, sweep: whole.get(group.job)! });
  }
  return swept;
}

/** No longer offers what is swept. */
async function withdraw(
  control: Control,
  sweeps: readonly Sweep[],
  swept: ReadonlyMap<number, SweptGroup>,
): Promise<void> {
  const whole = numbers(sweeps.filter(({ root }) => root === undefined).map(({ job }) => job.seq));
  const partial = new Set(sweeps.filter(({ root }) => root !== undefined).map(({ job }) => job.seq));
  control.sql.send(withdrawJobs, [whole]);
  control.places.forgetQueued();
  const withdrawn = await Promise.all([
    control.sql.send(withdrawLines, [whole]),
    partial.size === 0 ? [] : control.sql.send(withdrawGroups, [numbers(partial), numbers(swept.keys())]),
  ]);
  for (const [gate] of withdrawn.flat()) if (gate !== 0) control.places.withdrawn.add(gate as number);
}

async function stopRunning(
  control: Control,
  running: readonly { seq: number; group: number; sweep: Sweep }[],
): Promise<void> {
  if (running.length === 0) return;
  const works = await loadTasks(control, running);
  await control.runners.load(works.map(({ runner }) => runner!));
  for (const [i, work] of works.entries()) {
    const { sweep } = running[i]!;
    if (sweep.root !== undefined && !work.doomed) {
      work.doomed = true;
      control.tasks.touch(work, "whole");
    }
    stopAttempt(control, work, sweep.stop);
  }
}

/** Tells an attempt to stop; it is fenced when it does not in time. Being told twice changes nothing. */
export function stopAttempt(control: Control, work: TaskWork, reason: CancellationReason): void {
  if (work.stop !== undefined) return;
  const fenceAtUs = control.nowUs + control.options.cancelGraceMs * 1000;
  work.stop = reason;
  work.fenceAtUs = fenceAtUs;
  const runner = control.runners.bySeq(work.runner!);
  runner.stops.set(work.seq, { taskId: work.taskId, attempt: work.attempt, reason });
  const { taskId, attempt } = work;
  control.tasks.stops.set(work.seq, { taskId, runner: runner.seq, attempt, reason, fenceAtUs });
  control.changes.cancelled.add(runner.id);
  control.changes.addDue(fenceAtUs);
}

/** Notes that an attempt which was told to stop has ended. */
export function unstop(control: Control, work: TaskWork): void {
  if (work.stop === undefined) return;
  work.stop = undefined;
  work.fenceAtUs = undefined;
  control.runners.peek(work.runner!)?.stops.delete(work.seq);
  control.tasks.stops.remove(work.seq);
}
