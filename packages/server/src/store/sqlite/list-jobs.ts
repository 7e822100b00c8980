import type { JobState } from "@spanloom/protocol";
import type { JobQuery, JobRecord, Page } from "../store.ts";
import type { Control } from "./control.ts";
import type { SqlRow, SqlValue } from "./database.ts";
import { jobColumns, toJobRecord } from "./read-jobs.ts";

/**
 * Jobs by their filters.
 *
 * I1. Every query walks an index from the newest job it may answer on; none reads all jobs, but where all meet it.
 * I2. Newest first means by time of submission, then by number.
 */

/** Where a query's walk begins: an index, its equality conditions, and the conditions left to look up for each job. */
interface Walk {
  from: string;
  /** Prefix of the columns `created_at` and the job's number in the walked index. */
  createdAt: string;
  job: string;
  where: string[];
  values: SqlValue[];
}

/** Jobs that meet a query, newest first. */
export function listJobs(control: Control, query: JobQuery, page: Page): JobRecord[] {
  const after = page.after === undefined ? undefined : positionOf(control, page.after);
  const rows = walks(control, query).flatMap((walk) => {
    if (after !== undefined) add(walk, `(${walk.createdAt}, ${walk.job}) < (?, ?)`, ...after);
    const order = `ORDER BY ${walk.createdAt} DESC, ${walk.job} DESC LIMIT ?`;
    const sql = `SELECT ${jobColumns}, job.created_at FROM ${walk.from} WHERE ${walk.where.join(" AND ")} ${order}`;
    return control.db.rows(sql, ...walk.values, page.limit);
  });
  return rows.sort(newestFirst).slice(0, page.limit).map(toJobRecord);
}

/** How many jobs meet a query, by state; all jobs are counted as they go. */
export function countJobs(control: Control, { states: _any, ...query }: JobQuery): Map<JobState, number> {
  if (isUnconditional(query) && query.createdAfterUs === undefined && query.createdBeforeUs === undefined) {
    return toCounts(control.db.rows("SELECT state, count FROM job_count"));
  }
  const rows = walks(control, query).flatMap((walk) => {
    const sql = `SELECT job.state, count(*) FROM ${walk.from} WHERE ${walk.where.join(" AND ")} GROUP BY job.state`;
    return control.db.rows(sql, ...walk.values);
  });
  return toCounts(rows);
}

/** Sums counts by state. */
function toCounts(rows: readonly SqlRow[]): Map<JobState, number> {
  const counts = new Map<JobState, number>();
  for (const [state, count] of rows as readonly [JobState, number][]) {
    if (count > 0) counts.set(state, (counts.get(state) ?? 0) + count);
  }
  return new Map([...counts].sort(([a], [b]) => a - b));
}

function newestFirst(a: SqlRow, b: SqlRow): number {
  const [createdA, createdB] = [a.at(-1) as number, b.at(-1) as number];
  return createdB - createdA || (b[0] as number) - (a[0] as number);
}

/** Of a job that is gone: the end, so that a listing ends instead of beginning anew. */
function positionOf(control: Control, jobId: string): [number, number] {
  const row = control.db.row("SELECT created_at, seq FROM job WHERE id = ?", jobId);
  return row === undefined ? [0, 0] : (row as [number, number]);
}

/** Of states that have no more jobs than this all are looked at, rather than all of a name, tag, queue or runner. */
const FEW_JOBS = 10_000;

/**
 * The walks whose jobs together meet a query: one, or one for each state where states are all or the rarest of it, or one
 * for each type of trigger where that is all.
 */
function walks(control: Control, query: JobQuery): Walk[] {
  const { runnerId, states = [] } = query;
  const runner = runnerId === undefined ? undefined : control.runners.find(runnerId)?.seq;
  if (runnerId !== undefined && runner === undefined) return [];
  const left: LeftConditions = { ...query, runner };
  if (states.length > 0 && (isUnconditional({ ...query, states: [] }) || countOf(control, states) <= FEW_JOBS)) {
    const rest = { ...left, states: undefined };
    return [...new Set(states)].map((state) => completed(jobIndex("job_state", "state = ?", [state]), rest));
  }
  if (runner !== undefined) {
    return [completed(indexTable("job_runner", "runner = ?", [runner]), { ...left, runner: undefined })];
  }
  return sourceWalks(left) ?? propertyWalks(left);
}

/** Walks over the jobs of a schedule or trigger, if one is asked for. */
function sourceWalks(left: LeftConditions): Walk[] | undefined {
  const { schedule, trigger } = left;
  if (schedule !== undefined) {
    return [completed(jobIndex("job_schedule", "schedule_name = ?", [schedule]), { ...left, schedule: undefined })];
  }
  if (trigger === undefined) return undefined;
  return [completed(jobIndex("job_trigger", "trigger_name = ?", [trigger]), { ...left, trigger: undefined })];
}

/** Walks by the rarest of what jobs have many of. */
function propertyWalks(left: LeftConditions): Walk[] {
  const { tags = {}, name, queue, triggerTypes = [] } = left;
  const [tag, ...otherTags] = Object.entries(tags);
  if (tag !== undefined) {
    const rest = { ...left, tags: Object.fromEntries(otherTags) };
    return [completed(indexTable("job_tag", "key = ? AND walked.value = ?", tag), rest)];
  }
  if (name !== undefined) return [completed(jobIndex("job_name", "name = ?", [name]), { ...left, name: undefined })];
  if (queue !== undefined)
    return [completed(jobIndex("job_queue", "queue = ?", [queue]), { ...left, queue: undefined })];
  // Manual jobs are most, and in no index of their own.
  if (triggerTypes.length > 0 && !triggerTypes.includes("manual")) {
    const rest = { ...left, triggerTypes: undefined };
    return [...new Set(triggerTypes)].map((type) =>
      completed(jobIndex("job_trigger_type", "trigger_type = ?", [type]), rest),
    );
  }
  return [completed(jobIndex("job_created", "created_at >= ?", [0]), left)];
}

/** Whether only times are asked for, if anything. */
function isUnconditional(query: JobQuery): boolean {
  const { states = [], triggerTypes = [], tags = {}, name, queue, runnerId, schedule, trigger } = query;
  const texts = [name, queue, runnerId, schedule, trigger];
  return (
    [states, triggerTypes, Object.keys(tags)].every(({ length }) => length === 0) &&
    texts.every((text) => text === undefined)
  );
}

function countOf(control: Control, states: readonly JobState[]): number {
  const sql = "SELECT coalesce(sum(count), 0) FROM job_count WHERE state IN (SELECT value FROM json_each(?))";
  return control.db.row(sql, JSON.stringify(states))![0] as number;
}

/** A walk over an index of the jobs themselves. */
function jobIndex(index: string, condition: string, values: SqlValue[]): Walk {
  const columns = { createdAt: "job.created_at", job: "job.seq" };
  return { from: `job INDEXED BY ${index}`, ...columns, where: [`job.${condition}`], values };
}

/** A walk over a table of jobs by something they have many of. */
function indexTable(table: string, condition: string, values: SqlValue[]): Walk {
  const columns = { createdAt: "walked.created_at", job: "walked.job" };
  const from = `${table} walked CROSS JOIN job ON job.seq = walked.job`;
  return { from, ...columns, where: [`walked.${condition}`], values: [...values] };
}

type LeftConditions = { [Key in keyof JobQuery]: JobQuery[Key] | undefined } & { runner: number | undefined };

function completed(walk: Walk, query: LeftConditions): Walk {
  const { states, name, queue, createdAfterUs, createdBeforeUs, tags = {}, runner } = query;
  const { triggerTypes, schedule, trigger } = query;
  if (createdAfterUs !== undefined) add(walk, `${walk.createdAt} >= ?`, createdAfterUs);
  if (createdBeforeUs !== undefined) add(walk, `${walk.createdAt} < ?`, createdBeforeUs);
  if (states?.length) add(walk, "job.state IN (SELECT value FROM json_each(?))", JSON.stringify(states));
  if (name !== undefined) add(walk, "job.name = ?", name);
  if (queue !== undefined) add(walk, "job.queue = ?", queue);
  if (schedule !== undefined) add(walk, "job.schedule_name = ?", schedule);
  if (trigger !== undefined) add(walk, "job.trigger_name = ?", trigger);
  if (triggerTypes?.length) {
    const type = "coalesce(job.trigger_type, 'manual')";
    add(walk, `${type} IN (SELECT value FROM json_each(?))`, JSON.stringify(triggerTypes));
  }
  const same = "other.created_at = job.created_at AND other.job = job.seq";
  if (runner !== undefined) add(walk, `EXISTS (SELECT 1 FROM job_runner other WHERE runner = ? AND ${same})`, runner);
  for (const [key, value] of Object.entries(tags)) {
    add(walk, `EXISTS (SELECT 1 FROM job_tag other WHERE key = ? AND value = ? AND ${same})`, key, value);
  }
  return walk;
}

function add(walk: Walk, condition: string, ...values: SqlValue[]): void {
  walk.where.push(condition);
  walk.values.push(...values);
}
