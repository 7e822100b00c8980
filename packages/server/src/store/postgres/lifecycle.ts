import type { LifecycleBatch } from "../store.ts";
import { knownUuids } from "./known-uuids.ts";
import type { ReadContext } from "./read-context.ts";
import { readJobs } from "./read-jobs.ts";
import { statement } from "./statement.ts";
import { findTasks } from "./task-groups.ts";
import { taskColumns, toTaskRecords } from "./task-record.ts";

const tasksBySeq = statement(
  "tasks_by_seq",
  `SELECT ${taskColumns} FROM task WHERE seq = ANY($1::bigint[]) ORDER BY seq`,
);

const drawVersion = statement("draw_projection_version", "SELECT nextval('projection_seq')");

/**
 * Everything the lifecycle spans of these jobs and tasks are made from, of one moment, in a handful of statements.
 *
 * The version is drawn before the record is read. So whoever reads after a commit has a higher one than all who read
 * before it, on whatever server.
 *
 * The jobs of the tasks are included whether they were asked for or not. Unknown ids are left out.
 */
export async function readLifecycle(
  { pool, known }: ReadContext,
  jobIds: Iterable<string>,
  taskIds: Iterable<string>,
): Promise<LifecycleBatch> {
  const [[version]] = (await pool.rows(drawVersion)) as unknown as [[number]];
  return pool.snapshot(async (reader) => {
    const places = await findTasks(reader, taskIds);
    const rows =
      places.length === 0
        ? []
        : await reader.rows(
            tasksBySeq,
            places.map(({ seq }) => seq),
          );
    const tasks = await toTaskRecords(reader, known, rows);
    const wanted = new Set(knownUuids(jobIds));
    for (const { jobId } of tasks) wanted.add(jobId);
    const jobs = wanted.size === 0 ? [] : await readJobs(reader, [...wanted]);
    return { jobs, tasks, version };
  });
}

const unprojected = statement(
  "unprojected_jobs",
  `SELECT id FROM job WHERE NOT projected AND seq > coalesce((SELECT seq FROM job WHERE id = $1), 0) ORDER BY seq LIMIT $2`,
);

/** Jobs whose final spans are not known to be stored, oldest first. */
export async function unprojectedJobs(
  { pool }: ReadContext,
  limit: number,
  after?: string,
): Promise<readonly string[]> {
  const rows = await pool.rows(unprojected, after ?? null, limit);
  return rows.map(([id]) => id as string);
}
