import { JobState } from "@spanloom/protocol";
import type { JobRecord, LifecycleBatch } from "../store.ts";
import { type IdRange, splitTaskId } from "../task-ids.ts";
import type { Control } from "./control.ts";
import type { GroupWork } from "./groups.ts";
import { getJobs, readJob } from "./read-jobs.ts";
import { taskColumns, toTaskRecords } from "./task-record.ts";

/**
 * Everything the lifecycle spans of these jobs and tasks are made from, in a handful of statements.
 *
 * The jobs of the tasks are included whether they were asked for or not. Unknown ids are left out.
 */
export function readLifecycle(control: Control, jobIds: Iterable<string>, taskIds: Iterable<string>): LifecycleBatch {
  const jobs = new Map<string, JobRecord>();
  for (const job of getJobs(control, [...jobIds], { includeOutputs: false })) jobs.set(job.id, job);
  const seqs = findTasks(control, taskIds);
  const rows = control.db.rows(
    `SELECT ${taskColumns} FROM task WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq`,
    JSON.stringify(seqs),
  );
  const tasks = toTaskRecords(control, rows, false);
  for (const { jobId } of tasks) {
    if (!jobs.has(jobId)) jobs.set(jobId, readJob(control, control.jobs.find(jobId)!.seq));
  }
  return { jobs: [...jobs.values()], tasks };
}

function findTasks(control: Control, taskIds: Iterable<string>): number[] {
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
  const seqs: number[] = [];
  for (const { prefix, base } of wanted) {
    const group = groups.get(prefix)?.find((range) => base >= range.base && base < range.base + range.count);
    if (group !== undefined) seqs.push(group.first + base - group.base);
  }
  return seqs;
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

/** Remembers that the final spans of these jobs are stored. Jobs that have not ended are left as they are. */
export function markProjected(control: Control, jobIds: readonly string[]): void {
  control.db.run(
    `UPDATE job SET projected = 1 WHERE id IN (SELECT value FROM json_each(?)) AND state >= ${JobState.SUCCEEDED}`,
    JSON.stringify(jobIds),
  );
}
