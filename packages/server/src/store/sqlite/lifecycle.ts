import { JobState } from "@spanloom/protocol";
import type { LifecycleBatch } from "../store.ts";
import { type IdRange, splitTaskId } from "../task-ids.ts";
import type { Control } from "./control.ts";
import type { GroupWork } from "./groups.ts";
import { getJobs, readJobs } from "./read-jobs.ts";
import { taskColumns, toTaskRecords } from "./task-record.ts";

/**
 * Everything the lifecycle spans of these jobs and tasks are made from, in a handful of statements.
 *
 * The jobs of the tasks are included whether they were asked for or not. Unknown ids are left out.
 */
export function readLifecycle(control: Control, jobIds: Iterable<string>, taskIds: Iterable<string>): LifecycleBatch {
  const found = findTasks(control, taskIds);
  const rows = control.db.rows(
    `SELECT ${taskColumns} FROM task WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq`,
    JSON.stringify(found.tasks),
  );
  const jobsOfTasks = readJobs(control, found.jobs);
  const jobs = new Map([...jobsOfTasks.values()].map((job) => [job.id, job]));
  for (const job of getJobs(control, [...jobIds], { includeOutputs: false })) jobs.set(job.id, job);
  const tasks = toTaskRecords(control, rows, { includePayloads: false, jobs: jobsOfTasks });
  return { jobs: [...jobs.values()], tasks };
}

/** Rows of tasks by id, and the jobs they are of. */
function findTasks(control: Control, taskIds: Iterable<string>): { tasks: number[]; jobs: number[] } {
  const wanted: IdRange[] = [];
  for (const id of taskIds) {
    const split = splitTaskId(id);
    if (split !== undefined) wanted.push(split);
  }
  const prefixes = [...new Set(wanted.map(({ prefix }) => prefix))];
  const groups = new Map<string, GroupWork[]>();
  for (const group of control.groups.withPrefixes(prefixes)) {
    const same = groups.get(group.prefix);
    if (same === undefined) groups.set(group.prefix, [group]);
    else same.push(group);
  }
  const tasks: number[] = [];
  const jobs = new Set<number>();
  for (const { prefix, base } of wanted) {
    const group = groups.get(prefix)?.find((range) => base >= range.base && base < range.base + range.count);
    if (group === undefined) continue;
    tasks.push(group.first + base - group.base);
    jobs.add(group.job);
  }
  return { tasks, jobs: [...jobs] };
}

/** Jobs whose final spans are not known to be stored, oldest first. */
export function unprojectedJobs(control: Control, limit: number, after: string | undefined): string[] {
  const rows = control.db.rows(
    `SELECT id FROM job WHERE projected = 0 AND seq > coalesce((SELECT seq FROM job WHERE id = ?), 0) ORDER BY seq LIMIT ?`,
    after ?? null,
    limit,
  );
  return rows.map(([id]) => id as string);
}

/** Remembers that the final spans of jobs that ended then are stored. */
export function markProjected(control: Control, ends: ReadonlyMap<string, number>): void {
  control.db.run(
    `UPDATE job SET projected = 1 FROM (SELECT value ->> 0 AS id, value ->> 1 AS ended_at FROM json_each(?)) u
     WHERE job.id = u.id AND job.ended_at = u.ended_at AND state >= ${JobState.SUCCEEDED}`,
    JSON.stringify([...ends]),
  );
}
