import { AttemptOutcome, CancellationReason, TaskState } from "@spanloom/protocol";
import { unreportedClose } from "../attempt-close.ts";
import type { MaintenanceOutcome } from "../store.ts";
import { failQueued } from "./admit.ts";
import { runClosings } from "./cascade.ts";
import { type Control, flushWork } from "./control.ts";
import { doomJob, stopAttempt } from "./doom.ts";
import { endAttempt } from "./end-attempt.ts";
import { taskIdOf } from "./groups.ts";
import { makeFirstReady, makeReady } from "./insert-tasks.ts";
import { forgetRunners } from "./runners.ts";
import { dueOf, type RunningWork } from "./running-attempts.ts";

/** Does what the clock asks for: deadlines, lost leases, fences, wake-ups; at most `limit` of each. */
export function maintain(control: Control, limit: number): MaintenanceOutcome {
  failOverdueJobs(control, limit);
  const { lost, fenced } = endOverdueAttempts(control, limit);
  const woken = wakeTasks(control, limit);
  forgetRunners(control, limit);
  failOverdueTasks(control, limit);
  control.ready.turnWindows(control.nowUs);
  runClosings(control);
  // A job doomed just now is no longer due.
  flushWork(control);
  return { lost, woken, fenced, nextDueUs: nextDue(control) };
}

function failOverdueJobs(control: Control, limit: number): void {
  const rows = control.db.rows(
    `SELECT seq FROM job WHERE deadline_at IS NOT NULL AND ended_at IS NULL AND doom = 0 AND deadline_at <= ?
     ORDER BY deadline_at LIMIT ?`,
    control.nowUs,
    limit,
  );
  for (const [seq] of rows) {
    const job = control.jobs.get(seq as number);
    // The last task may have ended, or the job been doomed, earlier in this transaction.
    if (job.doom !== "none" || control.nowUs < job.deadlineUs!) continue;
    const failure = {
      type: "DeadlineExceeded",
      message: "the job's deadline passed before its tasks ended",
      stack: "",
    };
    const stop = CancellationReason.TIMEOUT;
    doomJob(control, job, { doom: "failed", failure, failedTaskId: undefined, cancelReason: undefined, stop });
    runClosings(control);
  }
}

function endOverdueAttempts(control: Control, limit: number): { lost: number; fenced: number } {
  const due: RunningWork[] = [];
  for (const work of control.running.all()) {
    if (dueOf(work) > control.nowUs) continue;
    due.push(work);
    if (due.length >= limit) break;
  }
  let lost = 0;
  let fenced = 0;
  for (const work of due) {
    // Ending one attempt may have told others to stop, but ends none of them.
    if (work.fenceAtUs !== undefined && work.fenceAtUs <= control.nowUs) {
      fence(control, work);
      fenced++;
    } else if (work.expiresAtUs <= control.nowUs) {
      endAttempt(control, work, unreportedClose(work, { kind: "lost" }));
      lost++;
    } else stopAttempt(control, work, CancellationReason.TIMEOUT);
    runClosings(control);
  }
  return { lost, fenced };
}

function fence(control: Control, work: RunningWork): void {
  const timedOut = work.stop === CancellationReason.TIMEOUT;
  const outcome = timedOut ? AttemptOutcome.TIMEOUT : AttemptOutcome.CANCELLED;
  const message = `the attempt did not stop within ${control.options.cancelGraceMs} ms of being told to`;
  const failure = { type: timedOut ? "Timeout" : "Cancelled", message, stack: "" };
  const end = { kind: "failure", outcome, failure, retryable: undefined, retryAfterMs: undefined } as const;
  endAttempt(control, work, unreportedClose(work, end));
}

function wakeTasks(control: Control, limit: number): number {
  const timers = control.db.rows(
    "DELETE FROM timer WHERE (at, task) IN (SELECT at, task FROM timer WHERE at <= ? ORDER BY at, task LIMIT ?) RETURNING task",
    control.nowUs,
    limit,
  );
  let woken = 0;
  for (const [seq] of timers) if (wake(control, seq as number)) woken++;
  return woken;
}

function wake(control: Control, seq: number): boolean {
  const row = control.db.row(
    "UPDATE task SET state = ?, queued_at = ? WHERE seq = ? AND state = ? AND scheduled_at <= ? RETURNING task_group, spec, attempt",
    TaskState.QUEUED,
    control.nowUs,
    seq,
    TaskState.SCHEDULED,
    control.nowUs,
  );
  if (row === undefined) return false;
  const group = control.groups.get(row[0] as number);
  const job = control.jobs.get(group.job);
  control.jobs.move(job, TaskState.SCHEDULED, TaskState.QUEUED);
  control.changes.jobs.add(job.id);
  control.changes.tasks.add(taskIdOf(group, seq));
  const offer = row[2] === 0 ? makeFirstReady : makeReady;
  offer(control, group, control.specs.get(row[1] as number), [seq, seq]);
  return true;
}

/** Fails tasks that have waited too long to be leased. */
function failOverdueTasks(control: Control, limit: number): void {
  const timers = control.db.rows(
    `DELETE FROM queue_timer WHERE (at, first) IN (SELECT at, first FROM queue_timer WHERE at <= ? ORDER BY at, first LIMIT ?)
     RETURNING at, first, last`,
    control.nowUs,
    limit,
  ) as readonly (readonly [number, number, number])[];
  for (const [at, first, last] of timers) {
    const [groupSeq, specSeq] = control.db.row("SELECT task_group, spec FROM task WHERE seq = ?", first)! as number[];
    const group = control.groups.get(groupSeq!);
    const spec = control.specs.get(specSeq!);
    const timeoutUs = Math.round(spec.queueTimeoutMs! * 1000);
    // Those that were leased and came back since have a timer of their own.
    const waiting = control.db.rows(
      `SELECT seq FROM task WHERE seq BETWEEN ? AND ? AND state = ${TaskState.QUEUED} AND coalesce(queued_at, ?) <= ?`,
      first,
      last,
      group.unblockedAtUs ?? group.createdAtUs,
      at - timeoutUs,
    ) as readonly (readonly [number])[];
    const message = `the task was not leased within ${spec.queueTimeoutMs} ms of becoming ready`;
    for (const [from, to] of consecutive(waiting)) {
      control.ready.remove(spec, { job: group.job, depth: group.depth, from, to });
      failQueued(control, { group, spec, from, to }, { type: "QueueTimeout", message, stack: "" });
    }
  }
}

/** Runs of consecutive numbers, `to` included. */
function* consecutive(rows: readonly (readonly [number])[]): Generator<[from: number, to: number]> {
  for (let i = 0; i < rows.length; ) {
    const from = rows[i]![0];
    let end = i + 1;
    while (rows[end]?.[0] === from + end - i) end++;
    yield [from, from + end - i - 1];
    i = end;
  }
}

/** When the next thing is due; undefined when nothing is pending. */
export function nextDue(control: Control): number | undefined {
  const timer = control.db.row("SELECT at FROM timer ORDER BY at LIMIT 1")?.[0] as number | undefined;
  const deadline = control.db.row(
    "SELECT min(deadline_at) FROM job WHERE deadline_at IS NOT NULL AND ended_at IS NULL AND doom = 0",
  )![0] as number | null;
  const queueTimer = control.db.row("SELECT at FROM queue_timer ORDER BY at LIMIT 1")?.[0] as number | undefined;
  const window = control.ready.admission.nextWindowUs(control.nowUs);
  let due = Number.POSITIVE_INFINITY;
  for (const at of [timer, deadline, queueTimer, window]) due = Math.min(due, at ?? Number.POSITIVE_INFINITY);
  for (const work of control.running.all()) due = Math.min(due, dueOf(work));
  return due === Number.POSITIVE_INFINITY ? undefined : due;
}
