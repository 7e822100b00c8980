import { JobState, TaskState } from "@spanloom/protocol";
import { present } from "../../present.ts";
import { decodeFailure, decodeProgress, decodeTrace, decodeTrigger, optionalNumber } from "../cells.ts";
import { counterColumns, toCounters } from "../job-work.ts";
import type { ConcurrencyRule, JobRecord, NewJobTrace } from "../store.ts";
import type { Control } from "./control.ts";
import type { SqlRow } from "./database.ts";
import { loadBytes, payloadKinds } from "./payloads.ts";

/** What {@link toJobRecord} needs of each row of `job`, in this order. */
export const jobColumns = `job.seq, id, name, job.state, tags, queue, priority, attempts, progress, failure, failed_task,
  cancel_reason, job.created_at, started_at, ended_at, start_at, deadline_at, idempotency_key, trace, concurrency,
  set_by, retried_at, ${counterColumns}`;

/** A job by number, as the record has it. */
export function readJob(control: Control, seq: number): JobRecord {
  return toJobRecord(control.db.row(`SELECT ${jobColumns} FROM job WHERE seq = ?`, seq)!);
}

/** Jobs by number, as the record has them. */
export function readJobs(control: Control, seqs: readonly number[]): Map<number, JobRecord> {
  const rows = control.db.rows(
    `SELECT ${jobColumns} FROM job WHERE seq IN (SELECT value FROM json_each(?))`,
    JSON.stringify(seqs),
  );
  return new Map(rows.map((row) => [row[0] as number, toJobRecord(row)]));
}

/** States of jobs by id; unknown ids are left out. */
export function jobStates(control: Control, ids: readonly string[]): Map<string, JobState> {
  const sql = "SELECT id, state FROM job WHERE id IN (SELECT value FROM json_each(?))";
  return new Map(control.db.rows(sql, JSON.stringify(ids)).map(([id, state]) => [id as string, state as JobState]));
}

/** Jobs by id; unknown ids are left out. */
export function getJobs(
  control: Control,
  ids: readonly string[],
  options: { includeOutputs: boolean; maxOutputBytes?: number },
): JobRecord[] {
  const rows = control.db.rows(
    `SELECT ${jobColumns} FROM job WHERE id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(ids),
  );
  const records = rows.map(toJobRecord);
  if (!options.includeOutputs) return records;
  const succeeded = rows.filter((_, i) => records[i]!.state === JobState.SUCCEEDED).map(([seq]) => seq as number);
  const outputs = rootOutputs(control, succeeded, options.maxOutputBytes ?? Number.MAX_SAFE_INTEGER);
  return records.map((record, i) => {
    const own = outputs.get(rows[i]![0] as number);
    return own === undefined ? record : { ...record, outputs: own };
  });
}

/** Outputs of the roots of succeeded jobs, by job; of those that have no more than `maxBytes`. */
function rootOutputs(control: Control, jobs: readonly number[], maxBytes: number): Map<number, Uint8Array[]> {
  const rows = control.db.rows(
    `SELECT g.job, t.seq, t.output, t.state FROM (
       SELECT job FROM task_group WHERE job IN (SELECT value FROM json_each(?)) AND parent IS NULL
       GROUP BY job HAVING sum(output_bytes) <= ?
     ) j CROSS JOIN task_group g ON g.job = j.job AND g.parent IS NULL
     CROSS JOIN task t ON t.seq BETWEEN g.first AND g.first + g.count - 1 ORDER BY t.seq`,
    JSON.stringify(jobs),
    maxBytes,
  );
  const outputs = new Map<number, Uint8Array[]>();
  for (const [job, seq, output, state] of rows) {
    const bytes = loadBytes(
      control.db,
      seq as number,
      payloadKinds.output,
      state === TaskState.SUCCEEDED ? output! : null,
    );
    const own = outputs.get(job as number);
    if (own === undefined) outputs.set(job as number, [bytes]);
    else own.push(bytes);
  }
  return outputs;
}

/** A row of `job` as a record. */
export function toJobRecord(row: SqlRow): JobRecord {
  const [, id, name, state, tags, queue, priority, attempts, progress, failure, failedTask, cancelReason] = row;
  const [createdAt, startedAt, endedAt, startAt, deadlineAt, key, trace, concurrency, setBy, retriedAt] = row.slice(12);
  const counts = row.slice(22, 31);
  const decodedFailure = decodeFailure(failure!);
  const maybe = {
    startedAtUs: optionalNumber(startedAt!),
    endedAtUs: optionalNumber(endedAt!),
    startAtUs: optionalNumber(startAt!),
    deadlineUs: optionalNumber(deadlineAt!),
    retriedAtUs: optionalNumber(retriedAt!),
    trigger: decodeTrigger(setBy!),
  };
  return {
    id: id as string,
    name: name as string,
    state: state as JobState,
    tags: tags === null ? {} : (JSON.parse(tags as string) as Record<string, string>),
    queue: queue as string,
    priority: priority as number,
    counts: toCounters([0, ...(counts as number[])]),
    attempts: attempts as number,
    progress: decodeProgress(progress!),
    ...(decodedFailure !== undefined && { failure: decodedFailure }),
    ...(failedTask !== null && { failedTaskId: failedTask as string }),
    ...(cancelReason !== null && { cancelReason: cancelReason as string }),
    createdAtUs: createdAt as number,
    ...present(maybe),
    idempotencyKey: (key as string | null) ?? "",
    trace: decodeTrace(trace!) satisfies NewJobTrace,
    ...(concurrency !== null && { concurrency: JSON.parse(concurrency as string) as ConcurrencyRule }),
  };
}
