import { CancellationReason, TaskState } from "@spanloom/protocol";
import type { JobApplicant } from "../../engine/job-admission.ts";
import { spoilsParent } from "../../engine/subtree.ts";
import { encodeFailure } from "../cells.ts";
import { noteEnded } from "../note-ended.ts";
import type { ConcurrencyRule, Failure } from "../store.ts";
import type { TaskSpecRecord } from "../task-spec.ts";
import type { Control } from "./control.ts";
import { doomJob, spreadFailure, stopAttempt } from "./doom.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import type { JobWork } from "./jobs.ts";

/** Consecutive tasks of one group and spec that are refused a place; `to` is included. */
export interface RejectedRun {
  group: GroupWork;
  spec: TaskSpecRecord;
  from: number;
  to: number;
}

/**
 * How many of `count` tasks that become ready find a place under their key; the others are refused.
 *
 * Only tasks that refuse themselves count what already waits: running and waiting ones together fill the places.
 */
export function admitted(control: Control, { concurrency }: TaskSpecRecord, count: number): number {
  if (concurrency?.policy !== "rejectNew") return count;
  const { running, queued } = control.ready.admission.places(concurrency.key);
  return Math.max(0, Math.min(count, concurrency.limit - running - queued));
}

/** Fails the tasks that were refused a place, unless their job has ended them meanwhile. */
export function failRejected(control: Control): void {
  for (let run = control.rejected.pop(); run !== undefined; run = control.rejected.pop()) {
    const { key, limit } = run.spec.concurrency!;
    const message = `concurrency key "${key}" has all ${limit} places taken`;
    failQueued(control, run, { type: "ConcurrencyRejected", message, stack: "" });
  }
}

/** Fails those of a run of tasks that are still QUEUED, without an attempt; answers how many. The caller runs the closings. */
export function failQueued(control: Control, { group, spec, from, to }: RejectedRun, failure: Failure): number {
  const rows = control.db.rows(
    `UPDATE task SET state = ${TaskState.FAILED}, ended_at = ?, failure = ? WHERE seq BETWEEN ? AND ?
     AND state = ${TaskState.QUEUED} RETURNING seq`,
    control.nowUs,
    encodeFailure(failure),
    from,
    to,
  ) as readonly (readonly [number])[];
  if (rows.length === 0) return 0;
  const job = control.jobs.get(group.job);
  control.jobs.move(job, TaskState.QUEUED, TaskState.FAILED, rows.length);
  control.changes.jobs.add(job.id);
  for (const [seq] of rows) control.changes.tasks.add(taskIdOf(group, seq));
  noteEnded(control, group, rows.length, spoilsParent(TaskState.FAILED, spec.optional));
  if (job.doom === "none") spreadFailure(control, { id: taskIdOf(group, rows[0]![0]), job, group, spec, failure });
  return rows.length;
}

/**
 * Tells as many of the longest-running holders of a full key to stop as there are tasks that displace them.
 *
 * To be called when such a task becomes ready, and when one starts while others still wait.
 */
export function displace(control: Control, { key, limit }: ConcurrencyRule): void {
  const { running, displacing } = control.ready.admission.places(key);
  if (displacing === 0 || running < limit) return;
  let wanted = displacing;
  for (const work of control.running.holders(key)) {
    if (wanted-- <= 0) return;
    stopAttempt(control, work, CancellationReason.CONCURRENCY);
  }
}

/**
 * Gives a new or retried job its place, or holds its tasks until there is one. To be called before any is ready; the
 * caller runs the closings.
 */
export function applyForPlace(control: Control, job: JobWork, rule: ConcurrencyRule): void {
  const applicant: JobApplicant = { job: job.seq, priority: job.priority, rule };
  const isAdmitted = control.jobAdmission.apply(applicant);
  writeAdmission(control, job.seq, isAdmitted);
  if (isAdmitted) return;
  control.ready.hold(job.seq);
  for (const holder of control.jobAdmission.displaced(rule.key))
    cancelFor(control, control.jobs.get(holder), job, rule);
}

function cancelFor(control: Control, holder: JobWork, newcomer: JobWork, { key }: ConcurrencyRule): void {
  if (holder.doom !== "none") return;
  doomJob(control, holder, {
    doom: "cancelled",
    failure: undefined,
    failedTaskId: undefined,
    cancelReason: `job ${newcomer.id} took its place under concurrency key "${key}"`,
    stop: CancellationReason.CONCURRENCY,
  });
}

/** Lets a job's tasks be taken that waited for its place. */
export function letIn(control: Control, job: number): void {
  writeAdmission(control, job, true);
  control.ready.letIn(job);
}

function writeAdmission({ db, jobAdmission, nowUs }: Control, job: number, isAdmitted: boolean): void {
  const admittedAtUs = isAdmitted ? jobAdmission.admittedAtUs(nowUs) : null;
  db.run("UPDATE job SET admitted_at = ? WHERE seq = ?", admittedAtUs, job);
}

/** Writes the windows of rate limits in which tasks started. */
export function writeWindows(control: Control): void {
  for (const { key, windowMs, startUs, used } of control.ready.admission.takeChanged()) {
    control.db.run(
      "INSERT OR REPLACE INTO rate_window (key, window_ms, start_at, used) VALUES (?, ?, ?, ?)",
      key,
      windowMs,
      startUs,
      used,
    );
  }
}

/** Reads places and windows anew, before ready tasks are. */
export function loadAdmission(control: Control): void {
  const { nowUs } = control;
  control.db.run("DELETE FROM rate_window WHERE start_at + window_ms * 1000 < ?", nowUs);
  for (const row of control.db.rows("SELECT key, window_ms, start_at, used FROM rate_window")) {
    const [key, windowMs, startUs, used] = row as readonly [string, number, number, number];
    control.ready.admission.restore({ key, windowMs, startUs, used });
  }
  const jobs = control.db.rows(
    `SELECT seq, priority, concurrency, admitted_at FROM job WHERE concurrency IS NOT NULL AND ended_at IS NULL
     ORDER BY admitted_at IS NULL, admitted_at, seq`,
  ) as readonly (readonly [number, number, string, number | null])[];
  for (const [job, priority, concurrency, admittedAt] of jobs) {
    const rule = JSON.parse(concurrency) as ConcurrencyRule;
    control.jobAdmission.restore({ job, priority, rule }, admittedAt ?? undefined);
    if (admittedAt === null) control.ready.hold(job);
  }
}

/** Tells holders again to stop that displacing tasks wait for: what they were told is not in the record. */
export function displaceAll(control: Control): void {
  for (const { spec } of control.running.all()) if (spec.concurrency !== undefined) displace(control, spec.concurrency);
}
