import { AttemptOutcome, SpanloomError, TaskState } from "@spanloom/protocol";
import { type BadTask, type NamedTask, planRetry, type RetryPlan, type RetryTree } from "../../engine/retry-job.ts";
import { isJobEnded } from "../../engine/states.ts";
import { dependencyCost } from "../../engine/subtree.ts";
import { decodeFailure, decodeProgress } from "../cells.ts";
import { sumProgress } from "../job-work.ts";
import type { RetryRequest } from "../store.ts";
import { numbers, texts } from "./bulk.ts";
import { type Control, flushAll } from "./control.ts";
import { settleEnds } from "./follow-up.ts";
import { groupColumns, taskIdOf } from "./groups.ts";
import { makeReady } from "./insert-tasks.ts";
import { applyForPlace, displaceJobs, isRefused } from "./job-places.ts";
import type { JobWork } from "./jobs.ts";
import { knownUuids } from "./known-uuids.ts";
import { statement } from "./statement.ts";

/**
 * Runs tasks of an ended job again; answers how many.
 *
 * Tasks whose dependencies are done are QUEUED at once, without their start delay; the job's deadline is cleared.
 *
 * Errors: JOB_NOT_FOUND, TASK_NOT_FOUND, INVALID_STATE; see engine/retry-job.
 */
export async function retryJob(control: Control, jobId: string, request: RetryRequest): Promise<number> {
  const { taskIds, idempotencyKey = "" } = request;
  // The plan is made from the record, so what this transaction changed must be there.
  await settleEnds(control);
  flushAll(control);
  const job = control.jobs.find(jobId);
  if (job === undefined) throw new SpanloomError("JOB_NOT_FOUND", `cannot retry job: no job has the id "${jobId}"`);
  const [earlier] = idempotencyKey === "" ? [] : await control.sql.ask(earlierRetry, [job.seq, idempotencyKey]);
  if (earlier !== undefined) return earlier[0] as number;
  if (!isJobEnded(job.state)) {
    const message = `cannot retry job "${jobId}": it has not ended; cancel it or wait for its end`;
    throw new SpanloomError("INVALID_STATE", message);
  }
  const named = await namedTasks(control, job, taskIds);
  const tree = await readTree(control, job);
  const plan = planRetry(tree, named);
  await readmit(control, job);
  await writePlan(control, job, plan);
  offer(control, plan, tree.specs);
  await reopenJob(control, job, plan);
  const retried = plan.rerun.length;
  if (idempotencyKey !== "") control.sql.send(noteRetry, [job.seq, idempotencyKey, retried]);
  return retried;
}

const earlierRetry = statement(
  "earlier_retry",
  "SELECT retried FROM job_retry WHERE job = $1::bigint AND key = $2::text",
);
const noteRetry = statement(
  "note_retry",
  "INSERT INTO job_retry (job, key, retried) VALUES ($1::bigint, $2::text, $3::integer)",
);

/** A retried job asks for its place again. Errors: CONCURRENCY_REJECTED, before anything is written. */
async function readmit(control: Control, job: JobWork): Promise<void> {
  const { concurrency } = job;
  if (concurrency === undefined) return;
  if (await isRefused(control, concurrency)) {
    const held = `concurrency key "${concurrency.key}" has all ${concurrency.limit} places taken`;
    throw new SpanloomError("CONCURRENCY_REJECTED", `cannot retry job "${job.id}": ${held}`);
  }
  await applyForPlace(control, job);
  await displaceJobs(control);
}

async function namedTasks(control: Control, job: JobWork, ids: readonly string[]): Promise<NamedTask[]> {
  const places = await control.tasks.places(knownUuids(ids));
  return ids.map((id) => {
    const place = places.get(id);
    if (place?.job === job.seq) return { seq: place.seq, id };
    throw new SpanloomError("TASK_NOT_FOUND", `cannot retry task: job "${job.id}" has no task with the id "${id}"`);
  });
}

interface StoredTree extends RetryTree {
  /** Spec of each bad task. */
  specs: ReadonlyMap<number, number>;
}

const groupsOfJob = statement(
  "write_groups_of_job",
  `SELECT ${groupColumns} FROM task_group g WHERE g.job = $1::bigint ORDER BY g.seq`,
);
// The limit ends the walk with the last of them: a job may have a million tasks that ended well.
const badTasks = statement(
  "bad_tasks",
  `SELECT t.seq, t.task_group, t.state, t.outcome, t.spec FROM task_group g
   JOIN task t ON t.seq BETWEEN g.first AND g.first + g.count - 1 AND t.state >= ${TaskState.FAILED}
   WHERE g.job = $1::bigint ORDER BY g.seq, t.seq LIMIT $2::integer`,
);
const parentTasks = statement(
  "parent_tasks",
  `SELECT t.seq, t.task_group FROM (SELECT DISTINCT parent FROM task_group WHERE job = $1::bigint) p
   JOIN task t ON t.seq = p.parent`,
);

async function readTree(control: Control, job: JobWork): Promise<StoredTree> {
  const { counts } = job;
  const bad = counts[TaskState.FAILED]! + counts[TaskState.CANCELLED]! + counts[TaskState.SKIPPED]!;
  const [groupRows, badRows, parentRows] = await Promise.all([
    control.sql.ask(groupsOfJob, [job.seq]),
    control.sql.ask(badTasks, [job.seq, bad]),
    control.sql.ask(parentTasks, [job.seq]),
  ]);
  const rows = badRows as unknown as [number, number, TaskState, AttemptOutcome, number][];
  await control.specs.load(rows.map(([, , , , spec]) => spec));
  return {
    groups: control.groups.addRows(groupRows),
    bad: rows.map(([seq, group, state, outcome, spec]) => {
      const { optional } = control.specs.get(spec);
      return { seq, group, state, ownSuccess: outcome === AttemptOutcome.SUCCESS, optional };
    }),
    parents: new Map(parentRows as unknown as [number, number][]),
    specs: new Map(rows.map(([seq, , , , spec]) => [seq, spec])),
  };
}

const archiveLatest = statement(
  "archive_latest_attempts",
  `INSERT INTO attempt (task, number, runner, token, outcome, leased_at, ended_at, queued_at, backoff_us, dropped,
     failure, extras)
   SELECT t.seq, t.attempt, t.runner, t.token, t.outcome, t.leased_at, t.attempt_ended_at,
     coalesce(t.queued_at, g.unblocked_at, g.created_at), coalesce(t.backoff_us, 0), coalesce(t.dropped, 0), t.failure,
     t.extras
   FROM task t JOIN task_group g ON g.seq = t.task_group
   WHERE t.seq = ANY($1::bigint[]) AND t.outcome <> ${AttemptOutcome.UNSPECIFIED}`,
);
const progressOf = statement(
  "progress_of_tasks",
  "SELECT progress FROM task WHERE seq = ANY($1::bigint[]) AND progress IS NOT NULL",
);
const rerunTasks = statement(
  "rerun_tasks",
  `UPDATE task SET state = u.state, outcome = 0, counted = 0, losses = 0, doomed = false, backoff_us = NULL,
   queued_at = u.queued_at, scheduled_at = NULL,
   started_at = CASE WHEN attempt > 0 THEN coalesce(started_at, leased_at) END, ended_at = NULL, dropped = NULL,
   failure = NULL, progress = NULL, extras = NULL
   FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS u (seq, state, queued_at) WHERE task.seq = u.seq`,
);
const reopenTasks = statement(
  "reopen_tasks",
  `UPDATE task SET state = ${TaskState.WAITING}, doomed = false, ended_at = NULL, failure = NULL,
   open_groups = u.open_groups, spoiled = u.spoiled
   FROM unnest($1::bigint[], $2::integer[], $3::boolean[]) AS u (seq, open_groups, spoiled) WHERE task.seq = u.seq`,
);

async function writePlan(control: Control, job: JobWork, plan: RetryPlan): Promise<void> {
  for (const { seq, open, spoiled, waits } of plan.groups) {
    const group = control.groups.get(seq);
    Object.assign(group, { open, spoiled, waits });
    control.groups.touch(group);
  }
  recountDependencies(control, plan);
  const seqs = numbers(plan.rerun.map(({ seq }) => seq));
  control.sql.send(archiveLatest, [seqs]);
  const progress = control.sql.ask(progressOf, [seqs]);
  const states = plan.rerun.map(({ group }) => rerunState(control, group));
  const queuedAt = states.map((state) => (state === TaskState.QUEUED ? control.nowUs : "NULL"));
  control.sql.send(rerunTasks, [seqs, numbers(states), `{${queuedAt.join(",")}}`]);
  control.sql.send(reopenTasks, [
    numbers(plan.reopened.map(({ seq }) => seq)),
    numbers(plan.reopened.map(({ openGroups }) => openGroups)),
    texts(plan.reopened.map(({ spoiled }) => String(spoiled))),
  ]);
  for (const [i, { seq, group, state }] of plan.rerun.entries()) {
    note(control, job, { seq, group, from: state, to: states[i]! });
  }
  for (const { seq, group, from } of plan.reopened) note(control, job, { seq, group, from, to: TaskState.WAITING });
  for (const [value] of await progress) sumProgress(control, job, decodeProgress(value as string), []);
}

/** A group that waits again is told again of what its dependencies put out. */
function recountDependencies(control: Control, plan: RetryPlan): void {
  for (const { seq, waits } of plan.groups) {
    if (waits === 0) continue;
    const group = control.groups.get(seq);
    group.dependencyBytes = 0;
    for (const dependency of group.dependsOn) {
      const work = control.groups.get(dependency);
      if (work.open === 0) group.dependencyBytes += dependencyCost(work.outputBytes, work.count);
    }
  }
}

function rerunState(control: Control, group: number): TaskState {
  return control.groups.get(group).waits > 0 ? TaskState.BLOCKED : TaskState.QUEUED;
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

/** Offers tasks, now QUEUED, in runs of consecutive ones. */
function offer(control: Control, plan: RetryPlan, specs: ReadonlyMap<number, number>): void {
  const tasks = plan.rerun.filter(({ group }) => rerunState(control, group) === TaskState.QUEUED);
  for (let i = 0; i < tasks.length; ) {
    const { seq, group } = tasks[i]!;
    const spec = specs.get(seq)!;
    let end = i + 1;
    while (end < tasks.length && continues(tasks[end]!, tasks[end - 1]!) && specs.get(tasks[end]!.seq) === spec) end++;
    const work = control.groups.get(group);
    work.unblockedAtUs ??= control.nowUs;
    makeReady(control, work, control.specs.get(spec), [seq, tasks[end - 1]!.seq]);
    i = end;
  }
}

function continues(task: BadTask, before: BadTask): boolean {
  return task.group === before.group && task.seq === before.seq + 1;
}

const failureOf = statement("failure_of_task", "SELECT task_group, failure FROM task WHERE seq = $1::bigint");
const reopenedJob = statement(
  "reopened_job",
  "UPDATE job SET projected = false, retried_at = coalesce(retried_at, $2::bigint) WHERE seq = $1::bigint",
);

/** Opens the job again. What keeps it from succeeding, if anything does, stays on it; see nextJobState. */
async function reopenJob(control: Control, job: JobWork, plan: RetryPlan): Promise<void> {
  if (!plan.spoiled) {
    job.failure = undefined;
    job.failedTaskId = undefined;
    job.cancelReason = undefined;
  } else if (job.doom === "failed" && plan.leftFailed !== undefined) {
    const [row] = await control.sql.ask(failureOf, [plan.leftFailed]);
    job.failure = decodeFailure(row![1] as string | null);
    job.failedTaskId = taskIdOf(control.groups.get(row![0] as number), plan.leftFailed);
  }
  job.doom = "none";
  job.deadlineUs = undefined;
  job.endedAtUs = undefined;
  control.jobs.reopen(job);
  control.sql.send(reopenedJob, [job.seq, control.nowUs]);
  control.changes.jobs.add(job.id);
  // It may have ended in this very transaction: nobody needs to hear of that end any more.
  control.changes.ended.delete(job.id);
}
