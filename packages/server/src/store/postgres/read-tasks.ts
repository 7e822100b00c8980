import { SpanloomError } from "@spanloom/protocol";
import type { Page, TaskQuery, TaskRecord } from "../store.ts";
import { splitTaskId, taskIdAt } from "../task-ids.ts";
import type { ReadContext } from "./read-context.ts";
import type { Reader, SqlParameter } from "./read-pool.ts";
import { statement } from "./statement.ts";
import { findTasks, type TaskPlace } from "./task-groups.ts";
import { taskColumns, taskColumnsWithPayloads, toTaskRecords } from "./task-record.ts";

const jobSeq = statement("job_seq", "SELECT seq FROM job WHERE id = $1");

/** Tasks of groups in creation order, after a task of one of them. */
const pageOfTasks = (columns: string, groups: string): string => `
  SELECT t.* FROM task_group g CROSS JOIN LATERAL
    (SELECT ${columns} FROM task WHERE seq BETWEEN g.first AND g.first + g.count - 1 AND seq > $3
     AND ($4::smallint[] IS NULL OR state = ANY($4)) ORDER BY seq LIMIT $5) t
  WHERE g.job = $1 AND g.seq >= $2 ${groups} ORDER BY g.seq, t.seq LIMIT $5`;

const ofParent = "AND g.parent = $6";

const tasksOfJob = statement("tasks_of_job", pageOfTasks(taskColumns, ""));
const tasksOfParent = statement("tasks_of_parent", pageOfTasks(taskColumns, ofParent));
const tasksOfJobWithPayloads = statement("tasks_of_job_with_payloads", pageOfTasks(taskColumnsWithPayloads, ""));
const tasksOfParentWithPayloads = statement(
  "tasks_of_parent_with_payloads",
  pageOfTasks(taskColumnsWithPayloads, ofParent),
);

/** Tasks of a job in creation order. Errors: JOB_NOT_FOUND, TASK_NOT_FOUND for an unknown parent or `after`. */
export function listTasks(context: ReadContext, query: TaskQuery, page: Page): Promise<readonly TaskRecord[]> {
  const { includePayloads, states, parentId } = query;
  return context.pool.snapshot(async (reader) => {
    const job = await existingJob(reader, query.jobId);
    const after = page.after === undefined ? undefined : await existingTask(reader, page.after);
    const wanted = states === undefined || states.length === 0 ? null : states;
    const values: SqlParameter[] = [job, after?.group ?? 0, after?.seq ?? 0, wanted, page.limit];
    if (parentId !== undefined) values.push((await existingTask(reader, parentId)).seq);
    const ofAll = includePayloads ? tasksOfJobWithPayloads : tasksOfJob;
    const ofOne = includePayloads ? tasksOfParentWithPayloads : tasksOfParent;
    const rows = await reader.rows(parentId === undefined ? ofAll : ofOne, ...values);
    return toTaskRecords(reader, context.known, rows);
  });
}

const taskWithPayloads = statement("task_with_payloads", `SELECT ${taskColumnsWithPayloads} FROM task WHERE seq = $1`);

/** One task with payloads. Errors: TASK_NOT_FOUND. */
export function getTask(context: ReadContext, taskId: string): Promise<TaskRecord> {
  return context.pool.snapshot(async (reader) => {
    const { seq } = await existingTask(reader, taskId);
    const records = await toTaskRecords(reader, context.known, await reader.rows(taskWithPayloads, seq));
    return records[0]!;
  });
}

/** Every group has a task at least, so a page needs no more groups than it has room for tasks. */
const idsOfJob = statement(
  "task_ids_of_job",
  "SELECT first_id, first, count FROM task_group WHERE job = $1 AND seq >= $2 ORDER BY seq LIMIT $3",
);

/** Ids of a job's tasks in creation order; no task row is read. Errors: JOB_NOT_FOUND, TASK_NOT_FOUND. */
export function taskIds({ pool }: ReadContext, jobId: string, page: Page): Promise<readonly string[]> {
  return pool.snapshot(async (reader) => {
    const job = await existingJob(reader, jobId);
    const after = page.after === undefined ? undefined : await existingTask(reader, page.after);
    const ids: string[] = [];
    for (const row of await reader.rows(idsOfJob, job, after?.group ?? 0, page.limit + 1)) {
      const [firstId, first, count] = row as [string, number, number];
      const range = splitTaskId(firstId)!;
      const from = Math.max(first, (after?.seq ?? 0) + 1);
      const end = Math.min(first + count, from + page.limit - ids.length);
      for (let seq = from; seq < end; seq++) ids.push(taskIdAt(range, seq - first));
      if (ids.length >= page.limit) break;
    }
    return ids;
  });
}

/** Number of a job. Errors: JOB_NOT_FOUND. */
export async function existingJob(reader: Reader, jobId: string): Promise<number> {
  const [row] = splitTaskId(jobId) === undefined ? [] : await reader.rows(jobSeq, jobId);
  if (row !== undefined) return row[0] as number;
  throw new SpanloomError("JOB_NOT_FOUND", `cannot read tasks: no job has the id "${jobId}"`);
}

/** Place of a task. Errors: TASK_NOT_FOUND. */
export async function existingTask(reader: Reader, taskId: string): Promise<TaskPlace> {
  const [place] = await findTasks(reader, [taskId]);
  if (place !== undefined) return place;
  throw new SpanloomError("TASK_NOT_FOUND", `cannot read task: no task has the id "${taskId}"`);
}
