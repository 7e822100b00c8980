import { SpanloomError } from "@spanloom/protocol";
import type { Page, TaskQuery, TaskRecord } from "../store.ts";
import type { Control } from "./control.ts";
import type { SqlRow } from "./database.ts";
import { type GroupWork, type TaskPlace, taskIdOf } from "./groups.ts";
import type { JobWork } from "./jobs.ts";
import { taskColumns, toTaskRecords } from "./task-record.ts";

/** Tasks of a job in creation order. Errors: JOB_NOT_FOUND, TASK_NOT_FOUND for an unknown parent or `after`. */
export function listTasks(control: Control, query: TaskQuery, page: Page): TaskRecord[] {
  const job = existingJob(control, query.jobId);
  const after = page.after === undefined ? undefined : existingTask(control, page.after);
  const states = JSON.stringify(query.states ?? []);
  const sql = `SELECT ${taskColumns} FROM task WHERE seq BETWEEN ? AND ?
    ${query.states?.length ? "AND state IN (SELECT value FROM json_each(?))" : ""} ORDER BY seq LIMIT ?`;
  const rows: SqlRow[] = [];
  for (const group of groupsOf(control, job, query.parentId, after)) {
    if (rows.length >= page.limit) break;
    const from = Math.max(group.first, (after?.seq ?? 0) + 1);
    const bound = query.states?.length ? [states] : [];
    rows.push(...control.db.rows(sql, from, group.first + group.count - 1, ...bound, page.limit - rows.length));
  }
  return toTaskRecords(control, rows, query);
}

function groupsOf(
  control: Control,
  job: JobWork,
  parentId: string | undefined,
  after: TaskPlace | undefined,
): Iterable<GroupWork> {
  const from = after?.group.seq ?? 0;
  if (parentId === undefined) return control.groups.walkJob(job.seq, from);
  const parent = existingTask(control, parentId);
  return control.groups.ofParent(parent.seq).filter((group) => group.job === job.seq && group.seq >= from);
}

function existingJob(control: Control, jobId: string): JobWork {
  const job = control.jobs.find(jobId);
  if (job === undefined) throw new SpanloomError("JOB_NOT_FOUND", `cannot read tasks: no job has the id "${jobId}"`);
  return job;
}

function existingTask(control: Control, taskId: string): TaskPlace {
  const place = control.groups.find(taskId);
  if (place !== undefined) return place;
  throw new SpanloomError("TASK_NOT_FOUND", `cannot read task: no task has the id "${taskId}"`);
}

/** One task with payloads. Errors: TASK_NOT_FOUND. */
export function getTask(control: Control, taskId: string): TaskRecord {
  const { seq } = existingTask(control, taskId);
  const rows = control.db.rows(`SELECT ${taskColumns} FROM task WHERE seq = ?`, seq);
  return toTaskRecords(control, rows, { includePayloads: true })[0]!;
}

/** Ids of a job's tasks in creation order; no task row is read. Errors: JOB_NOT_FOUND. */
export function taskIds(control: Control, jobId: string, page: Page): string[] {
  const job = existingJob(control, jobId);
  const after = page.after === undefined ? undefined : existingTask(control, page.after);
  const ids: string[] = [];
  for (const group of control.groups.walkJob(job.seq, after?.group.seq ?? 0)) {
    const from = Math.max(group.first, (after?.seq ?? 0) + 1);
    const end = Math.min(group.first + group.count, from + page.limit - ids.length);
    for (let seq = from; seq < end; seq++) ids.push(taskIdOf(group, seq));
    if (ids.length >= page.limit) break;
  }
  return ids;
}
