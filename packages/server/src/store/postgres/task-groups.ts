import { splitTaskId, taskIdAt } from "../task-ids.ts";
import { knownUuids } from "./known-uuids.ts";
import type { Reader, SqlRow } from "./read-pool.ts";
import { statement } from "./statement.ts";

/** What reads need of a group. */
export interface GroupRow {
  readonly seq: number;
  readonly job: number;
  readonly jobId: string;
  readonly jobName: string;
  /** Task whose attempt submitted it. */
  readonly parentId: string | undefined;
  readonly parentAttempt: number;
  readonly depth: number;
  /** Ids of its tasks: see store/task-ids.ts. */
  readonly prefix: string;
  readonly base: number;
  readonly first: number;
  readonly count: number;
  readonly createdAtUs: number;
  readonly unblockedAtUs: number | undefined;
  /** Groups it waits for, ascending. */
  readonly dependsOn: readonly number[];
}

const columns = `g.seq, g.job, j.id, j.name, g.parent_id, g.parent_attempt, g.depth, g.first_id, g.first, g.count,
  g.created_at, g.unblocked_at, g.depends_on`;

const groupsBySeq = statement(
  "groups_by_seq",
  `SELECT ${columns} FROM task_group g JOIN job j ON j.seq = g.job WHERE g.seq = ANY($1::bigint[])`,
);

/** Ids of a group follow its first one, so the last group that begins at an id or before is the only one that may have it. */
const groupsOfTasks = statement(
  "groups_of_tasks",
  `SELECT wanted.id, g.seq, g.job, g.first_id, g.first, g.count FROM unnest($1::uuid[]) AS wanted (id) CROSS JOIN LATERAL
     (SELECT * FROM task_group WHERE first_id <= wanted.id ORDER BY first_id DESC LIMIT 1) g`,
);

/** Groups by number. */
export async function readGroups(reader: Reader, seqs: Iterable<number>): Promise<Map<number, GroupRow>> {
  const wanted = [...new Set(seqs)];
  if (wanted.length === 0) return new Map();
  const rows = await reader.rows(groupsBySeq, wanted);
  return new Map(rows.map((row) => [row[0] as number, toGroupRow(row)]));
}

/** A task's place: its row and its group. */
export interface TaskPlace {
  readonly seq: number;
  readonly group: number;
  readonly job: number;
}

/** Finds tasks by id; those that do not exist are left out. */
export async function findTasks(reader: Reader, taskIds: Iterable<string>): Promise<readonly TaskPlace[]> {
  const wanted = knownUuids(taskIds);
  if (wanted.length === 0) return [];
  const places: TaskPlace[] = [];
  for (const row of await reader.rows(groupsOfTasks, wanted)) {
    const [id, group, job, firstId, first, count] = row as [string, number, number, string, number, number];
    const [task, start] = [splitTaskId(id)!, splitTaskId(firstId)!];
    const index = task.base - start.base;
    if (task.prefix === start.prefix && index >= 0 && index < count) places.push({ seq: first + index, group, job });
  }
  return places;
}

/** Id of a task of a group, by its row. */
export function taskIdOf(group: Pick<GroupRow, "prefix" | "base" | "first">, seq: number): string {
  return taskIdAt(group, seq - group.first);
}

function toGroupRow(row: SqlRow): GroupRow {
  const [seq, job, jobId, jobName, parentId, parentAttempt, depth, firstId, first, count, createdAt, unblockedAt] = row;
  return {
    seq: seq as number,
    job: job as number,
    jobId: jobId as string,
    jobName: jobName as string,
    parentId: (parentId as string | null) ?? undefined,
    parentAttempt: parentAttempt as number,
    depth: depth as number,
    ...splitTaskId(firstId as string)!,
    first: first as number,
    count: count as number,
    createdAtUs: createdAt as number,
    unblockedAtUs: (unblockedAt as number | null) ?? undefined,
    dependsOn: (row[12] as readonly number[] | null) ?? [],
  };
}
