import { AttemptOutcome, SpanloomError, TaskState } from "@spanloom/protocol";
import { type BadTask, type NamedTask, planRetry, type RetryPlan, type RetryTree } from "../../engine/retry-job.ts";
import { isJobEnded } from "../../engine/states.ts";
import { decodeFailure, decodeProgress } from "../cells.ts";
import { nextJobState, sumProgress } from "../job-work.ts";
import type { ConcurrencyRule, RetryRequest } from "../store.ts";
import { applyForPlace } from "./admit.ts";
import { runClosings } from "./cascade.ts";
import { type Control, flushWork } from "./control.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import { makeReady } from "./insert-tasks.ts";
import type { JobWork } from "./jobs.ts";
import { payloadKinds } from "./payloads.ts";

/**
 * Runs tasks of an ended job again; answers how many.
 *
 * Tasks whose dependencies are done are QUEUED at once, without their start delay; the job's deadline is cleared.
 *
 * Errors: JOB_NOT_FOUND, TASK_NOT_FOUND, INVALID_STATE; see engine/retry-job.
 */
export function retryJob(control: Control, jobId: string, { taskIds, idempotencyKey = "" }: RetryRequest): number {
  // The plan is made from the record, so what this transaction changed must be there.
  flushWork(control);
  const job = control.jobs.find(jobId);
  if (job === undefined) throw new SpanloomError("JOB_NOT_FOUND", `cannot retry job: no job has the id "${jobId}"`);
  const earlier = control.db.row("SELECT retried FROM job_retry WHERE job = ? AND key = ?", job.seq, idempotencyKey);
  if (earlier !== undefined) return earlier[0] as number;
  if (!isJobEnded(job.state)) {
    throw new SpanloomError(
      "INVALID_STATE",
      `cannot retry job "${jobId}": it has not ended; cancel it or wait for its end`,
    );
  }
  const named = taskIds.map((id) => namedTask(control, job, id));
  const tree = readTree(control, job);
  const plan = planRetry(tree, named);
  readmit(control, job);
  writePlan(control, job, plan, tree.specs);
  reopenJob(control, job, plan);
  // It may have told a holder of its concurrency key to make way.
  runClosings(control);
  const retried = plan.rerun.length;
  if (idempotencyKey !== "") {
    control.db.run("INSERT INTO job_retry (job, key, retried) VALUES (?, ?, ?)", job.seq, idempotencyKey, retried);
  }
  return retried;
}

/** A retried job asks for its place again. Errors: CONCURRENCY_REJECTED, before anything is written. */
function readmit(control: Control, job: JobWork): void {
  const text = control.db.row("SELECT concurrency FROM job WHERE seq = ?", job.seq)![0] as string | null;
  if (text === null) return;
  const rule = JSON.parse(text) as ConcurrencyRule;
  if (control.jobAdmission.refuses(rule)) {
    const held = `concurrency key "${rule.key}" has all ${rule.limit} places taken`;
    throw new SpanloomError("CONCURRENCY_REJECTED", `cannot retry job "${job.id}": ${held}`);
  }
  applyForPlace(control, job, rule);
}

function namedTask(control: Control, job: JobWork, id: string): NamedTask {
  const place = control.groups.find(id);
  if (place?.group.job === job.seq) return { seq: place.seq, id };
  throw new SpanloomError("TASK_NOT_FOUND", `cannot retry task: job "${job.id}" has no task with the id "${id}"`);
}

interface StoredTree extends RetryTree {
  /** Spec of each bad task. */
  specs: ReadonlyMap<number, number>;
}

function readTree(control: Control, job: JobWork): StoredTree {
  const { counts } = job;
  const badTasks = counts[TaskState.FAILED]! + counts[TaskState.CANCELLED]! + counts[TaskState.SKIPPED]!;
  // The limit ends the walk with the last of them: a job may have a million tasks that ended well.
  const rows = control.db.rows(
    `SELECT t.seq, t.task_group, t.state, t.outcome, t.spec FROM task_group g
     CROSS JOIN task t ON t.seq BETWEEN g.first AND g.first + g.count - 1 AND t.state >= ${TaskState.FAILED}
     WHERE g.job = ? ORDER BY g.seq, t.seq LIMIT ?`,
    job.seq,
    badTasks,
  ) as readonly number[][];
  const specs = new Map<number, number>();
  const bad = rows.map((row): BadTask => {
    const [seq, group, state, outcome, spec] = row as [number, number, TaskState, AttemptOutcome, number];
    specs.set(seq, spec);
    return {
      seq,
      group,
      state,
      ownSuccess: outcome === AttemptOutcome.SUCCESS,
      optional: control.specs.get(spec).optional,
    };
  });
  const parents = control.db.rows(
    `SELECT t.seq, t.task_group FROM (SELECT DISTINCT parent FROM task_group WHERE job = ? AND parent IS NOT NULL) p
     CROSS JOIN task t ON t.seq = p.parent`,
    job.seq,
  ) as readonly [number, number][];
  return { groups: control.groups.ofJob(job.seq), bad, parents: new Map(parents), specs };
}

function writePlan(control: Control, job: JobWork, plan: RetryPlan, specs: ReadonlyMap<number, number>): void {
  for (const { seq, open, spoiled, waits } of plan.groups) {
    const group = control.groups.get(seq);
    Object.assign(group, { open, spoiled, waits });
    control.groups.touch(group);
  }
  const blocked = new Set(plan.groups.filter(({ waits }) => waits > 0).map(({ seq }) => seq));
  const ready = plan.rerun.filter(({ group }) => !blocked.has(group));
  archiveAttempts(control, job, plan.rerun);
  rerun(control, job, ready, TaskState.QUEUED);
  rerun(
    control,
    job,
    plan.rerun.filter(({ group }) => blocked.has(group)),
    TaskState.BLOCKED,
  );
  reopenTasks(control, job, plan);
  offer(control, ready, specs);
}

/** Moves the latest attempts of tasks out of their rows, and their progress out of the job's. */
function archiveAttempts(control: Control, job: JobWork, tasks: readonly BadTask[]): void {
  const { db } = control;
  const seqs = JSON.stringify(tasks.map(({ seq }) => seq));
  db.run(
    `INSERT INTO attempt (task, number, runner, token, outcome, leased_at, ended_at, queued_at, backoff_us, dropped,
     failure, extras)
     SELECT t.seq, t.attempt, t.runner, t.token, t.outcome, t.leased_at, t.attempt_ended_at,
       coalesce(t.queued_at, g.unblocked_at, g.created_at), coalesce(t.backoff_us, 0), coalesce(t.dropped, 0), t.failure,
       CASE WHEN t.extras IS NULL OR typeof(t.extras) = 'blob' THEN t.extras
         ELSE (SELECT bytes FROM payload WHERE seq = t.seq * 4 + ${payloadKinds.extras}) END
     FROM json_each(?) wanted CROSS JOIN task t ON t.seq = wanted.value CROSS JOIN task_group g ON g.seq = t.task_group
     WHERE t.outcome <> ${AttemptOutcome.UNSPECIFIED}`,
    seqs,
  );
  db.run(
    `DELETE FROM payload WHERE seq IN (SELECT t.seq * 4 + ${payloadKinds.extras} FROM json_each(?) wanted
     CROSS JOIN task t ON t.seq = wanted.value WHERE typeof(t.extras) NOT IN ('null', 'blob'))`,
    seqs,
  );
  const progress = db.rows(
    `SELECT t.progress FROM json_each(?) wanted CROSS JOIN task t ON t.seq = wanted.value WHERE t.progress IS NOT NULL`,
    seqs,
  );
  for (const [value] of progress) sumProgress(control, job, decodeProgress(value!), []);
}

function rerun(control: Control, job: JobWork, tasks: readonly BadTask[], to: TaskState): void {
  if (tasks.length === 0) return;
  control.db.run(
    `UPDATE task SET state = ?, outcome = 0, counted = 0, losses = 0, doomed = 0, backoff_us = NULL, queued_at = ?,
     scheduled_at = NULL, started_at = CASE WHEN attempt > 0 THEN coalesce(started_at, leased_at) END, ended_at = NULL,
     dropped = NULL, failure = NULL, progress = NULL, extras = NULL
     WHERE seq IN (SELECT value FROM json_each(?))`,
    to,
    to === TaskState.QUEUED ? control.nowUs : null,
    JSON.stringify(tasks.map(({ seq }) => seq)),
  );
  for (const { seq, group, state } of tasks) note(control, job, { seq, group, from: state, to });
}

interface Move {
  seq: number;
  group: number;
  from: TaskState;
  to: TaskState;
}

function note(control: Control, job: JobWork, { seq, group, from, to }: Move): void {
  control.jobs.move(job, from, to);
  control.changes.tasks.add(taskIdOf(control.groups.get(group), seq));
}

function reopenTasks(control: Control, job: JobWork, { reopened }: RetryPlan): void {
  const rows = reopened.map(({ seq, openGroups, spoiled }) => [seq, openGroups, spoiled ? 1 : 0]);
  control.db.run(
    `UPDATE task SET state = ${TaskState.WAITING}, doomed = 0, ended_at = NULL, failure = NULL,
     open_groups = wanted.value ->> 1, spoiled = wanted.value ->> 2
     FROM json_each(?) wanted WHERE task.seq = wanted.value ->> 0`,
    JSON.stringify(rows),
  );
  for (const { seq, group, from } of reopened) note(control, job, { seq, group, from, to: TaskState.WAITING });
}

/** Offers tasks, now QUEUED, in runs of consecutive ones. */
function offer(control: Control, tasks: readonly BadTask[], specs: ReadonlyMap<number, number>): void {
  for (let i = 0; i < tasks.length; ) {
    const { seq, group } = tasks[i]!;
    const spec = specs.get(seq)!;
    let end = i + 1;
    while (end < tasks.length && continues(tasks[end]!, tasks[end - 1]!) && specs.get(tasks[end]!.seq) === spec) end++;
    const work: GroupWork = control.groups.get(group);
    work.unblockedAtUs ??= control.nowUs;
    makeReady(control, work, control.specs.get(spec), [seq, tasks[end - 1]!.seq]);
    i = end;
  }
}

function continues(task: BadTask, before: BadTask): boolean {
  return task.group === before.group && task.seq === before.seq + 1;
}

/** Opens the job again. What keeps it from succeeding, if anything does, stays on it; see nextJobState. */
function reopenJob(control: Control, job: JobWork, plan: RetryPlan): void {
  if (!plan.spoiled) {
    job.failure = undefined;
    job.failedTaskId = undefined;
    job.cancelReason = undefined;
  } else if (job.doom === "failed" && plan.leftFailed !== undefined) blame(control, job, plan.leftFailed);
  job.doom = "none";
  job.deadlineUs = undefined;
  job.endedAtUs = undefined;
  control.jobs.setState(job, nextJobState(job));
  control.db.run(
    "UPDATE job SET deadline_at = NULL, projected = 0, retried_at = coalesce(retried_at, ?) WHERE seq = ?",
    control.nowUs,
    job.seq,
  );
  control.jobs.touch(job);
  control.changes.jobs.add(job.id);
  // It may have ended in this very transaction: nobody needs to hear of that end any more.
  control.changes.ended.delete(job.id);
}

function blame(control: Control, job: JobWork, task: number): void {
  const [group, failure] = control.db.row("SELECT task_group, failure FROM task WHERE seq = ?", task)!;
  job.failure = decodeFailure(failure!);
  job.failedTaskId = taskIdOf(control.groups.get(group as number), task);
}
