import { AttemptOutcome, CancellationReason, TaskState } from "@spanloom/protocol";
import { attemptDeadlineUs } from "../../engine/lease.ts";
import { unreportedClose } from "../attempt-close.ts";
import type { MaintenanceOutcome } from "../store.ts";
import { failQueued, loadPlaces } from "./admit.ts";
import { bulk, numbers, Rows } from "./bulk.ts";
import { type Control, flushAll, flushRows } from "./control.ts";
import { doomJob, stopAttempt } from "./doom.ts";
import { endAttempt } from "./end-attempt.ts";
import { followUp, settleEnds } from "./follow-up.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import { addTimer, makeFirstReady, makeReady } from "./insert-tasks.ts";
import { loadTasks } from "./prefetch.ts";
import { dropWindows, turnWindows } from "./reopen-gates.ts";
import { forgetRunners } from "./runners.ts";
import { statement } from "./statement.ts";
import type { TaskWork } from "./tasks.ts";
import { withdrawRange } from "./withdraw.ts";

/** Does what the clock asks for: deadlines, lost leases, fences, wake-ups, windows; at most `limit` of each. */
export async function maintain(control: Control, limit: number): Promise<MaintenanceOutcome> {
  await failOverdueJobs(control, limit);
  await settleEnds(control);
  const { lost, fenced } = await endOverdueAttempts(control, limit);
  await settleEnds(control);
  const woken = await wakeTasks(control, limit);
  await failOverdueTasks(control, limit);
  await forgetRunners(control, limit);
  const windowUs = await turnWindows(control);
  dropWindows(control);
  await followUp(control);
  const dueUs = await nextDue(control);
  const nextDueUs = Math.min(dueUs ?? Number.POSITIVE_INFINITY, windowUs ?? Number.POSITIVE_INFINITY);
  return { lost, woken, fenced, nextDueUs: Number.isFinite(nextDueUs) ? nextDueUs : undefined };
}

/** Not "deadline_at IS NOT NULL" as well: the planner would expect next to nothing of it, and walk all open jobs. */
const overdueJobs = statement(
  "overdue_jobs",
  `SELECT seq FROM job WHERE ended_at IS NULL AND doom = 0 AND deadline_at <= $1::bigint
   ORDER BY deadline_at LIMIT $2::integer`,
);

async function failOverdueJobs(control: Control, limit: number): Promise<void> {
  const rows = await control.sql.ask(overdueJobs, [control.nowUs, limit]);
  const seqs = rows.map(([seq]) => seq as number);
  await control.jobs.load(seqs);
  for (const seq of seqs) {
    const job = control.jobs.get(seq);
    // It may have been doomed earlier in this transaction.
    if (job.doom !== "none") continue;
    const message = "the job's deadline passed before its tasks ended";
    const failure = { type: "DeadlineExceeded", message, stack: "" };
    const stop = CancellationReason.TIMEOUT;
    doomJob(control, job, { doom: "failed", failure, failedTaskId: undefined, cancelReason: undefined, stop });
  }
}

/**
 * Leases due this soon are looked at together with those due now: most are done by then, and each would otherwise ask for a
 * pass of its own.
 */
const LOOK_AHEAD_US = 1_000_000;

const overdueFences = statement(
  "overdue_fences",
  `SELECT s.task, t.task_group FROM stop s JOIN task t ON t.seq = s.task WHERE s.fence_at <= $1::bigint
   ORDER BY s.fence_at LIMIT $2::integer`,
);
const dueLeases = statement(
  "due_leases",
  `SELECT l.seq, t.seq, t.task_group FROM (SELECT seq, tasks FROM lease WHERE due_at <= $1::bigint
     ORDER BY due_at LIMIT $2::integer) l
   CROSS JOIN unnest(l.tasks) AS u (seq)
   LEFT JOIN task t ON t.seq = u.seq AND t.lease = l.seq AND t.state = ${TaskState.RUNNING}`,
);
const updateLeases = bulk(
  "update_lease",
  { seq: "bigint", due_at: "bigint", tasks: "text" },
  (rows) => `UPDATE lease SET due_at = u.due_at, tasks = u.tasks::bigint[] FROM ${rows} WHERE lease.seq = u.seq`,
);
const deleteLeases = statement("delete_leases", "DELETE FROM lease WHERE seq = ANY($1::bigint[])");

async function endOverdueAttempts(control: Control, limit: number): Promise<{ lost: number; fenced: number }> {
  // The record is scanned, so what the open transaction changed must be there.
  flushRows(control);
  const [fences, leases] = await Promise.all([
    control.sql.ask(overdueFences, [control.nowUs, limit]),
    control.sql.ask(dueLeases, [control.nowUs + LOOK_AHEAD_US, MAX_LEASES]),
  ]);
  const places = [
    ...fences.map(([seq, group]) => ({ seq: seq as number, group: group as number })),
    ...leases
      .filter(([, seq]) => seq !== null)
      .map(([, seq, group]) => ({ seq, group }) as { seq: number; group: number }),
  ];
  const works = await loadTasks(control, places);
  await control.runners.load(works.map(({ runner }) => runner!));
  const fenced = await fenceAttempts(control, works.slice(0, fences.length));
  const lost = await endLeases(control, works.slice(fences.length), limit);
  moveLeases(
    control,
    leases.map(([lease]) => lease as number),
    works.slice(fences.length),
  );
  return { lost, fenced };
}

/** Leases looked at in one pass; the rest stays due. */
const MAX_LEASES = 1_000;

async function fenceAttempts(control: Control, works: readonly TaskWork[]): Promise<number> {
  let fenced = 0;
  for (const work of works) {
    if (work.state !== TaskState.RUNNING || work.fenceAtUs === undefined || work.fenceAtUs > control.nowUs) continue;
    await fence(control, work);
    fenced++;
  }
  return fenced;
}

async function fence(control: Control, work: TaskWork): Promise<void> {
  const timedOut = work.stop === CancellationReason.TIMEOUT;
  const outcome = timedOut ? AttemptOutcome.TIMEOUT : AttemptOutcome.CANCELLED;
  const message = `the attempt did not stop within ${control.options.cancelGraceMs} ms of being told to`;
  const failure = { type: timedOut ? "Timeout" : "Cancelled", message, stack: "" };
  const end = { kind: "failure", outcome, failure, retryable: undefined, retryAfterMs: undefined } as const;
  await endAttempt(control, work, unreportedClose(work, end));
}

async function endLeases(control: Control, works: readonly TaskWork[], limit: number): Promise<number> {
  let lost = 0;
  let stopped = 0;
  for (const work of works) {
    // It may have been fenced just now.
    if (work.state !== TaskState.RUNNING) continue;
    if (work.expiresAtUs! <= control.nowUs) {
      if (lost >= limit) continue;
      await endAttempt(control, work, unreportedClose(work, { kind: "lost" }));
      lost++;
    } else if (work.stop === undefined && stopped < limit && deadlineOf(control, work) <= control.nowUs) {
      stopAttempt(control, work, CancellationReason.TIMEOUT);
      stopped++;
    }
  }
  return lost;
}

function deadlineOf(control: Control, work: TaskWork): number {
  const { attemptTimeoutMs } = control.specs.get(work.spec);
  const { deadlineUs } = control.jobs.get(work.job);
  return attemptDeadlineUs(work.leasedAtUs!, attemptTimeoutMs, deadlineUs) ?? Number.POSITIVE_INFINITY;
}

/** Says of looked-at leases when to look again, and forgets those of which no attempt runs any more. */
function moveLeases(control: Control, seqs: readonly number[], works: readonly TaskWork[]): void {
  const left = new Map<number, { dueUs: number; tasks: number[] }>();
  for (const work of works) {
    if (work.state !== TaskState.RUNNING) continue;
    const lease = left.get(work.lease!) ?? { dueUs: Number.POSITIVE_INFINITY, tasks: [] };
    // An attempt that was told to stop is looked at by its fence, and by its expiry here.
    const deadlineUs = work.stop === undefined ? deadlineOf(control, work) : Number.POSITIVE_INFINITY;
    lease.dueUs = Math.min(lease.dueUs, work.expiresAtUs!, deadlineUs);
    lease.tasks.push(work.seq);
    left.set(work.lease!, lease);
  }
  const gone = new Set(seqs.filter((seq) => !left.has(seq)));
  if (gone.size > 0) control.sql.send(deleteLeases, [numbers(gone)]);
  const rows = new Rows(updateLeases);
  for (const [seq, { dueUs, tasks }] of left) rows.add(seq, dueUs, numbers(tasks));
  rows.sendTo(control.sql);
}

const dueTimers = statement(
  "due_timers",
  "SELECT at, first, last FROM timer WHERE at <= $1::bigint ORDER BY at, first LIMIT $2::integer",
);
const deleteTimers = bulk(
  "delete_timer",
  { at: "bigint", first: "bigint" },
  (rows) => `DELETE FROM timer USING ${rows} WHERE timer.at = u.at AND timer.first = u.first`,
);
/** OFFSET keeps the planner from joining the ranges with all tasks there are. */
const scheduledTasks = statement(
  "scheduled_tasks",
  `SELECT t.seq, t.task_group, t.spec, t.attempt = 0
   FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS u (first, last, place)
   CROSS JOIN LATERAL (SELECT * FROM task WHERE task.seq BETWEEN u.first AND u.last
     AND task.state = ${TaskState.SCHEDULED} AND task.scheduled_at <= $3::bigint OFFSET 0) t ORDER BY u.place, t.seq`,
);

async function wakeTasks(control: Control, limit: number): Promise<number> {
  flushRows(control);
  const timers = (await control.sql.ask(dueTimers, [control.nowUs, limit])) as unknown as [number, number, number][];
  if (timers.length === 0) return 0;
  const taken = takeTimers(control, timers, limit);
  const values = [numbers(taken.map(([first]) => first)), numbers(taken.map(([, last]) => last)), control.nowUs];
  const rows = eachOnce((await control.sql.ask(scheduledTasks, values)) as unknown as ScheduledRow[]);
  const groups = new Set(rows.map(([, group]) => group));
  await Promise.all([control.groups.load(groups), control.specs.load(rows.map(([, , spec]) => spec))]);
  await control.jobs.load([...groups].map((seq) => control.groups.get(seq).job));
  const specs = new Set(rows.map(([, , spec]) => spec));
  await loadPlaces(
    control,
    [...specs].map((spec) => control.specs.get(spec)),
  );
  for (let i = 0; i < rows.length; ) {
    const [first, group, spec, isFirst] = rows[i]!;
    let end = i + 1;
    while (end < rows.length && continues(rows[end]!, rows[end - 1]!)) end++;
    wakeRun(control, control.groups.get(group), { first, last: first + end - i - 1, spec, isFirst });
    i = end;
  }
  return rows.length;
}

type ScheduledRow = readonly [seq: number, group: number, spec: number, isFirst: boolean];

/** A task that a retry scheduled anew has the timer it had before, too. */
function eachOnce(rows: readonly ScheduledRow[]): ScheduledRow[] {
  const seen = new Set<number>();
  return rows.filter(([seq]) => !seen.has(seq) && seen.add(seq));
}

function continues(row: ScheduledRow, before: ScheduledRow): boolean {
  return row[0] === before[0] + 1 && row[1] === before[1] && row[2] === before[2] && row[3] === before[3];
}

/** Takes as many tasks from timers as are wanted; what is left of the last one stays. */
function takeTimers(control: Control, timers: readonly [number, number, number][], limit: number): [number, number][] {
  const taken: [number, number][] = [];
  const rows = new Rows(deleteTimers);
  let left = limit;
  for (const [at, first, last] of timers) {
    if (left <= 0) break;
    const end = Math.min(last, first + left - 1);
    taken.push([first, end]);
    left -= end - first + 1;
    rows.add(at, first);
    if (end < last) addTimer(control, at, [end + 1, last]);
  }
  rows.sendTo(control.sql);
  return taken;
}

interface WokenRun {
  first: number;
  last: number;
  spec: number;
  /** Whether the tasks have had no attempt. */
  isFirst: boolean;
}

function wakeRun(control: Control, group: GroupWork, { first, last, spec, isFirst }: WokenRun): void {
  control.tasks.moves.add(first, last, TaskState.QUEUED, undefined, control.nowUs);
  const job = control.jobs.get(group.job);
  control.jobs.move(job, TaskState.SCHEDULED, TaskState.QUEUED, last - first + 1);
  control.changes.jobs.add(job.id);
  for (let seq = first; seq <= last; seq++) control.changes.tasks.add(taskIdOf(group, seq));
  const offer = isFirst ? makeFirstReady : makeReady;
  offer(control, group, control.specs.get(spec), [first, last]);
}

const dueQueueTimers = statement(
  "due_queue_timers",
  `DELETE FROM queue_timer q USING (SELECT at, first FROM queue_timer WHERE at <= $1::bigint ORDER BY at, first
     LIMIT $2::integer) d WHERE q.at = d.at AND q.first = d.first RETURNING q.at, q.first, q.last`,
);
const overdueTasks = statement(
  "overdue_tasks",
  `SELECT u.at, t.seq, t.task_group, t.spec, coalesce(t.queued_at, g.unblocked_at, g.created_at)
   FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (at, first, last)
   CROSS JOIN LATERAL (SELECT * FROM task WHERE task.seq BETWEEN u.first AND u.last
     AND task.state = ${TaskState.QUEUED} OFFSET 0) t
   JOIN task_group g ON g.seq = t.task_group ORDER BY u.at, t.seq`,
);

/** Fails tasks that have waited too long to be leased. */
async function failOverdueTasks(control: Control, limit: number): Promise<void> {
  flushRows(control);
  const timers = (await control.sql.ask(dueQueueTimers, [control.nowUs, limit])) as unknown as [
    number,
    number,
    number,
  ][];
  if (timers.length === 0) return;
  control.ready.flush();
  const columns = [0, 1, 2].map((column) => numbers(timers.map((timer) => timer[column]!)));
  const rows = (await control.sql.send(overdueTasks, columns)) as unknown as [number, number, number, number, number][];
  await Promise.all([
    control.groups.load(rows.map(([, , group]) => group)),
    control.specs.load(rows.map(([, , , spec]) => spec)),
  ]);
  // Those that were leased and came back since have a timer of their own.
  const overdue = rows.filter(([at, , , spec, queuedAtUs]) => queuedAtUs <= at - timeoutUs(control, spec));
  for (let i = 0; i < overdue.length; ) {
    const [, from, group, spec] = overdue[i]!;
    let end = i + 1;
    while (overdue[end]?.[1] === from + end - i && overdue[end]?.[2] === group && overdue[end]?.[3] === spec) end++;
    await failRun(control, control.groups.get(group), { first: from, last: from + end - i - 1, spec });
    i = end;
  }
}

function timeoutUs(control: Control, spec: number): number {
  return Math.round((control.specs.get(spec).queueTimeoutMs ?? 0) * 1000);
}

async function failRun(control: Control, group: GroupWork, run: Omit<WokenRun, "isFirst">): Promise<void> {
  const spec = control.specs.get(run.spec);
  const [from, to] = [run.first, run.last];
  await withdrawRange(control, group, { spec, from, to });
  const message = `the task was not leased within ${spec.queueTimeoutMs} ms of becoming ready`;
  await failQueued(control, { group, spec, from, to }, { type: "QueueTimeout", message, stack: "" });
}

const earliestDue = statement(
  "earliest_due",
  `SELECT least((SELECT min(at) FROM timer), (SELECT min(due_at) FROM lease), (SELECT min(fence_at) FROM stop),
   (SELECT min(at) FROM queue_timer),
   (SELECT min(deadline_at) FROM job WHERE deadline_at IS NOT NULL AND ended_at IS NULL AND doom = 0))`,
);

/** When the next thing is due; undefined when nothing is pending. */
async function nextDue(control: Control): Promise<number | undefined> {
  // A job doomed just now is no longer due.
  flushAll(control);
  const [row] = await control.sql.ask(earliestDue, []);
  return (row![0] as number | null) ?? undefined;
}
