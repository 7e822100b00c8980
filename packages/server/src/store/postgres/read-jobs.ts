import { JobState, TaskState } from "@spanloom/protocol";
import { present } from "../../present.ts";
import { decodeFailure, decodeProgress, decodeTrace, decodeTrigger } from "../cells.ts";
import { counterColumns, toCounters } from "../job-work.ts";
import type { ConcurrencyRule, JobQuery, JobRecord, Page } from "../store.ts";
import { knownUuids } from "./known-uuids.ts";
import type { Reader, ReadPool, SqlParameter, SqlRow, SqlValue } from "./read-pool.ts";
import { statement } from "./statement.ts";

const columns = `seq, id, name, state, tags, queue, priority, attempts, progress, failure, failed_task, cancel_reason,
  created_at, started_at, ended_at, start_at, deadline_at, idempotency_key, trace, concurrency, trigger::text,
  retried_at, ${counterColumns}`;

const jobsById = statement("jobs_by_id", `SELECT ${columns} FROM job WHERE id = ANY($1::uuid[])`);

const statesById = statement("job_states_by_id", "SELECT id, state FROM job WHERE id = ANY($1::uuid[])");

const rootOutputs = statement(
  "root_outputs",
  `SELECT wanted.job, t.output, t.state FROM unnest($1::bigint[]) AS wanted (job)
   JOIN task_group g ON g.job = wanted.job AND g.parent IS NULL
   CROSS JOIN LATERAL (SELECT seq, output, state FROM task WHERE seq BETWEEN g.first AND g.first + g.count - 1) t
   WHERE (SELECT sum(r.output_bytes) FROM task_group r WHERE r.job = wanted.job AND r.parent IS NULL) <= $2
   ORDER BY t.seq`,
);

/** Which outputs to read along. */
export interface OutputOptions {
  includeOutputs: boolean;
  /** Outputs of a job that has more bytes of them are left out. */
  maxOutputBytes?: number;
}

/** States of jobs by id; unknown ids are left out. */
export async function jobStates(pool: ReadPool, ids: readonly string[]): Promise<ReadonlyMap<string, JobState>> {
  const wanted = knownUuids(ids);
  const rows = wanted.length === 0 ? [] : await pool.rows(statesById, wanted);
  return new Map(rows.map(([id, state]) => [id as string, state as JobState]));
}

/** Jobs by id; unknown ids are left out. */
export async function getJobs(
  pool: ReadPool,
  ids: readonly string[],
  { includeOutputs, maxOutputBytes = Number.MAX_SAFE_INTEGER }: OutputOptions,
): Promise<readonly JobRecord[]> {
  const wanted = knownUuids(ids);
  if (wanted.length === 0) return [];
  if (!includeOutputs) return (await pool.rows(jobsById, wanted)).map(toJobRecord);
  return pool.snapshot((reader) => readJobsWithOutputs(reader, wanted, maxOutputBytes));
}

/** Jobs by id as a snapshot shows them. */
export async function readJobs(reader: Reader, ids: readonly string[]): Promise<readonly JobRecord[]> {
  return (await reader.rows(jobsById, ids)).map(toJobRecord);
}

async function readJobsWithOutputs(
  reader: Reader,
  ids: readonly string[],
  maxOutputBytes: number,
): Promise<readonly JobRecord[]> {
  const rows = await reader.rows(jobsById, ids);
  const succeeded = rows.filter(([, , , state]) => state === JobState.SUCCEEDED).map(([seq]) => seq as number);
  const outputs = succeeded.length === 0 ? new Map() : await readOutputs(reader, succeeded, maxOutputBytes);
  return rows.map((row) => {
    const ofJob = outputs.get(row[0] as number);
    return ofJob === undefined ? toJobRecord(row) : { ...toJobRecord(row), outputs: ofJob };
  });
}

async function readOutputs(reader: Reader, jobs: readonly number[], maxBytes: number) {
  const outputs = new Map<number, Uint8Array[]>();
  for (const [job, output, state] of await reader.rows(rootOutputs, jobs, maxBytes)) {
    const bytes = state === TaskState.SUCCEEDED ? (output as Uint8Array | null) : null;
    const ofJob = outputs.get(job as number);
    if (ofJob === undefined) outputs.set(job as number, [bytes ?? NO_BYTES]);
    else ofJob.push(bytes ?? NO_BYTES);
  }
  return outputs;
}

const NO_BYTES = new Uint8Array(0);

/**
 * Conditions of a query; a parameter that is null asks nothing.
 *
 * These statements are planned for their values each time: the planner drops what is null and picks the index of what is
 * left. That costs a millisecond, and saves a statement for each combination.
 */
const conditions = `
  ($1::text IS NULL OR name = $1) AND ($2::text IS NULL OR queue = $2) AND ($3::jsonb IS NULL OR tags @> $3)
  AND ($4::bigint IS NULL OR created_at >= $4) AND ($5::bigint IS NULL OR created_at < $5)
  AND ($6::text[] IS NULL OR (trigger IS NOT NULL AND trigger ->> 'type' = ANY($6))
    OR ('manual' = ANY($6) AND trigger IS NULL))
  AND ($7::text IS NULL OR (trigger IS NOT NULL AND trigger -> 'source' ->> 'name' = $7
    AND trigger -> 'source' ->> 'kind' = 'schedule'))
  AND ($8::text IS NULL OR (trigger IS NOT NULL AND trigger -> 'source' ->> 'name' = $8
    AND trigger -> 'source' ->> 'kind' = 'trigger'))`;

const ofRunner = `($9::uuid IS NULL OR seq IN
  (SELECT jr.job FROM job_runner jr WHERE jr.runner = (SELECT r.seq FROM runner r WHERE r.id = $9)))`;

const beforePage = "($10::uuid IS NULL OR seq < (SELECT after.seq FROM job after WHERE after.id = $10))";

const pageOfJobs = statement(
  "page_of_jobs",
  `SELECT ${columns} FROM job WHERE ${conditions} AND $9::uuid IS NULL AND ${beforePage} ORDER BY seq DESC LIMIT $11`,
  { prepared: false },
);

const endedStates = [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED];

/**
 * Each end state has an index that knows its jobs by age: their newest are merged. Open jobs, which are few, share one.
 *
 * The states are written out, as the planner knows how many jobs are in a state it can read.
 */
const pageOfJobsByState = statement(
  "page_of_jobs_by_state",
  `SELECT ${columns} FROM (
     (SELECT * FROM job WHERE ended_at IS NULL AND state = ANY($12::smallint[]) AND ${conditions}
      AND $9::uuid IS NULL AND ${beforePage} ORDER BY seq DESC LIMIT $11)
     ${endedStates
       .map(
         (state) => `UNION ALL
     (SELECT * FROM job WHERE ${state} = ANY($12::smallint[]) AND ended_state = ${state} AND ${conditions}
      AND $9::uuid IS NULL AND ${beforePage} ORDER BY seq DESC LIMIT $11)`,
       )
       .join("\n")}
   ) found ORDER BY seq DESC LIMIT $11`,
  { prepared: false },
);

/** A runner's jobs by age; the other conditions sift them. */
const pageOfJobsOfRunner = statement(
  "page_of_jobs_of_runner",
  `SELECT ${columns} FROM job_runner jr CROSS JOIN LATERAL (SELECT * FROM job WHERE job.seq = jr.job OFFSET 0) job
   WHERE jr.runner = (SELECT r.seq FROM runner r WHERE r.id = $9) AND ${conditions}
     AND ($10::uuid IS NULL OR jr.job < (SELECT after.seq FROM job after WHERE after.id = $10))
     AND ($12::smallint[] IS NULL OR state = ANY($12)) ORDER BY jr.job DESC LIMIT $11`,
  { prepared: false },
);

/** Jobs that meet a query, newest first. */
export async function listJobs(pool: ReadPool, query: JobQuery, page: Page): Promise<readonly JobRecord[]> {
  const values = [...conditionValues(query), page.after ?? null, page.limit];
  const states = query.states === undefined || query.states.length === 0 ? null : query.states;
  const rows =
    query.runnerId !== undefined
      ? pool.rows(pageOfJobsOfRunner, ...values, states)
      : states !== null
        ? pool.rows(pageOfJobsByState, ...values, states)
        : pool.rows(pageOfJobs, ...values);
  return (await rows).map(toJobRecord);
}

const jobCounts = statement(
  "job_counts",
  `SELECT state, count(*) FROM job WHERE ended_at IS NULL AND ${conditions} AND ${ofRunner} GROUP BY state
   UNION ALL
   SELECT ended_state, count(*) FROM job WHERE ended_state IS NOT NULL AND ${conditions} AND ${ofRunner}
   GROUP BY ended_state`,
  { prepared: false },
);

/** How many jobs meet a query, by state. */
export async function countJobs(pool: ReadPool, query: JobQuery): Promise<ReadonlyMap<JobState, number>> {
  const rows = await pool.rows(jobCounts, ...conditionValues(query));
  return new Map(rows.map(([state, count]) => [state as JobState, count as number]));
}

/** A runner's id that is none finds nothing, as an unknown one does. */
const NO_RUNNER = "00000000-0000-0000-0000-000000000000";

function conditionValues(query: JobQuery): SqlParameter[] {
  const tags = query.tags !== undefined && Object.keys(query.tags).length > 0 ? JSON.stringify(query.tags) : null;
  const { name = null, queue = null, createdAfterUs = null, createdBeforeUs = null, runnerId } = query;
  const runner = runnerId === undefined ? null : (knownUuids([runnerId])[0] ?? NO_RUNNER);
  const { triggerTypes, schedule = null, trigger = null } = query;
  const types = triggerTypes === undefined || triggerTypes.length === 0 ? null : triggerTypes;
  return [name, queue, tags, createdAfterUs, createdBeforeUs, types, schedule, trigger, runner];
}

function toJobRecord(row: SqlRow): JobRecord {
  const [, id, name, state, tags, queue, priority, attempts, progress, failure, failedTask, cancelReason] = row;
  const [createdAt, startedAt, endedAt, startAt, deadlineAt, key, trace, concurrency, trigger, retriedAt, ...counts] =
    row.slice(12);
  return {
    id: id as string,
    name: name as string,
    state: state as JobState,
    tags: (tags as Record<string, string> | null) ?? {},
    queue: queue as string,
    priority: priority as number,
    counts: toCounters([0, ...(counts as number[])]),
    attempts: attempts as number,
    progress: decodeProgress(progress as string | null),
    createdAtUs: createdAt as number,
    idempotencyKey: (key as string | null) ?? "",
    trace: decodeTrace(trace as string),
    ...present({
      failure: decodeFailure(failure as string | null),
      failedTaskId: optional<string>(failedTask),
      cancelReason: optional<string>(cancelReason),
      startedAtUs: optional<number>(startedAt),
      endedAtUs: optional<number>(endedAt),
      startAtUs: optional<number>(startAt),
      deadlineUs: optional<number>(deadlineAt),
      concurrency: concurrency === null ? undefined : (JSON.parse(concurrency as string) as ConcurrencyRule),
      trigger: decodeTrigger(trigger),
      retriedAtUs: optional<number>(retriedAt),
    }),
  };
}

/** A column that may be null. */
export function optional<T>(value: SqlValue | undefined): T | undefined {
  return (value ?? undefined) as T | undefined;
}
