import { AttemptOutcome, TaskState } from "@spanloom/protocol";
import { present } from "../../present.ts";
import { decodeFailure, decodeProgress } from "../cells.ts";
import type { AttemptRecord, TaskRecord } from "../store.ts";
import type { ImmutableRows, StoredSpec } from "./immutable-rows.ts";
import { optional } from "./read-jobs.ts";
import type { Reader, SqlRow } from "./read-pool.ts";
import { statement } from "./statement.ts";
import { type GroupRow, readGroups, taskIdOf } from "./task-groups.ts";

/** What {@link toTaskRecords} needs of each row of `task`, in this order; payloads may follow. */
export const taskColumns = `seq, task_group, spec, state, attempt, outcome, counted, runner, leased_at, attempt_ended_at,
  queued_at, backoff_us, scheduled_at, started_at, ended_at, child_count, dropped, display, failure, progress, extras`;

/** The same with payloads. */
export const taskColumnsWithPayloads = `${taskColumns}, input, output`;

const earlierAttempts = statement(
  "earlier_attempts",
  `SELECT task, number, runner, outcome, leased_at, ended_at, queued_at, backoff_us, dropped, failure, extras
   FROM attempt WHERE task = ANY($1::bigint[]) ORDER BY task, number`,
);

const MAX_DEPENDENCIES = 1_000;
const NO_BYTES = new Uint8Array(0);

/** Rows of `task` as records; what they refer to is read for all of them together, from the same snapshot. */
export async function toTaskRecords(
  reader: Reader,
  known: ImmutableRows,
  rows: readonly SqlRow[],
): Promise<TaskRecord[]> {
  if (rows.length === 0) return [];
  // A first attempt that is the latest lives in the task's row; only tasks tried again can have rows in `attempt`.
  const again = rows.filter((row) => (row[4] as number) > 0 && row[13] !== null).map(([seq]) => seq as number);
  const [groups, attempts] = await Promise.all([
    readGroups(
      reader,
      rows.map((row) => row[1] as number),
    ),
    again.length === 0 ? [] : reader.rows(earlierAttempts, again),
  ]);
  const [dependencyGroups, specs, runnerIds] = await Promise.all([
    readGroups(
      reader,
      [...groups.values()].flatMap(({ dependsOn }) => dependsOn),
    ),
    known.specs(
      reader,
      rows.map((row) => row[2] as number),
    ),
    known.runnerIds(reader, runnersOf(rows, attempts)),
  ]);
  const earlier = byTask(attempts, runnerIds);
  const context: RecordContext = { specs, runnerIds, groups, earlier, dependencyGroups, dependencies: new Map() };
  return rows.map((row) => toTaskRecord(row, context));
}

function runnersOf(tasks: readonly SqlRow[], attempts: readonly SqlRow[]): Set<number> {
  const runners = new Set(attempts.map((row) => row[2] as number));
  for (const row of tasks) if (row[7] !== null) runners.add(row[7] as number);
  return runners;
}

interface Dependencies {
  ids: readonly string[];
  count: number;
}

type RunnerIds = ReadonlyMap<number, string>;

interface RecordContext {
  specs: ReadonlyMap<number, StoredSpec>;
  runnerIds: RunnerIds;
  groups: ReadonlyMap<number, GroupRow>;
  earlier: ReadonlyMap<number, AttemptRecord[]>;
  dependencyGroups: ReadonlyMap<number, GroupRow>;
  /** By group. */
  dependencies: Map<number, Dependencies>;
}

function byTask(rows: readonly SqlRow[], runnerIds: RunnerIds): Map<number, AttemptRecord[]> {
  const attempts = new Map<number, AttemptRecord[]>();
  for (const row of rows) {
    const list = attempts.get(row[0] as number);
    if (list === undefined) attempts.set(row[0] as number, [toEarlierAttempt(row, runnerIds)]);
    else list.push(toEarlierAttempt(row, runnerIds));
  }
  return attempts;
}

function toEarlierAttempt(row: SqlRow, runnerIds: RunnerIds): AttemptRecord {
  const [, number, runner, outcome, leasedAtUs, endedAtUs, queuedAtUs, backoffUs, droppedTelemetry] = row as number[];
  const failure = decodeFailure(row[9] as string | null);
  return {
    number: number!,
    runnerId: runnerIds.get(runner!)!,
    outcome: outcome as AttemptOutcome,
    leasedAtUs: leasedAtUs!,
    endedAtUs: endedAtUs!,
    queuedAtUs: queuedAtUs!,
    backoffUs: backoffUs!,
    spanExtras: (row[10] as Uint8Array | null) ?? NO_BYTES,
    droppedTelemetry: droppedTelemetry!,
    ...(failure !== undefined && { failure }),
  };
}

function latestAttempt(row: SqlRow, group: GroupRow, runnerIds: RunnerIds): AttemptRecord | undefined {
  const [, , , state, number, outcome, , runner, leasedAtUs, endedAt, queuedAt, backoff] = row as number[];
  if (state !== TaskState.RUNNING && outcome === AttemptOutcome.UNSPECIFIED) return undefined;
  const running = outcome === AttemptOutcome.UNSPECIFIED;
  const failure = outcome === AttemptOutcome.SUCCESS ? undefined : decodeFailure(row[18] as string | null);
  return {
    number: number!,
    runnerId: runnerIds.get(runner!)!,
    outcome: outcome as AttemptOutcome,
    leasedAtUs: leasedAtUs!,
    queuedAtUs: queuedAt ?? group.unblockedAtUs ?? group.createdAtUs,
    backoffUs: backoff ?? 0,
    spanExtras: (row[20] as Uint8Array | null) ?? NO_BYTES,
    droppedTelemetry: (row[16] as number | null) ?? 0,
    ...(!running && { endedAtUs: endedAt! }),
    ...(failure !== undefined && { failure }),
  };
}

function toTaskRecord(row: SqlRow, context: RecordContext): TaskRecord {
  const [seq, groupSeq, specSeq, state, attempt, , counted, , leasedAt] = row as number[];
  const group = context.groups.get(groupSeq!)!;
  const spec = context.specs.get(specSeq!)!;
  const latest = latestAttempt(row, group, context.runnerIds);
  const earlier = context.earlier.get(seq!) ?? [];
  const dependencies = dependenciesOf(group, context);
  return {
    id: taskIdOf(group, seq!),
    jobId: group.jobId,
    jobName: group.jobName,
    parentAttempt: group.parentAttempt,
    name: spec.name,
    major: spec.major,
    minor: spec.minor,
    queue: spec.queue,
    state: state as TaskState,
    depth: group.depth,
    priority: spec.priority,
    optional: spec.optional,
    display: (row[17] as string | null) ?? "",
    dependsOn: dependencies.ids,
    dependencyCount: dependencies.count,
    attempts: latest === undefined ? earlier : [...earlier, latest],
    attemptCount: counted!,
    maxAttempts: spec.retry.maxAttempts,
    progress: decodeProgress(row[19] as string | null),
    createdAtUs: group.createdAtUs,
    childCount: (row[15] as number | null) ?? 0,
    ...present({
      parentId: group.parentId,
      failure: state! >= TaskState.FAILED ? decodeFailure(row[18] as string | null) : undefined,
      unblockedAtUs: group.unblockedAtUs,
      queuedAtUs: queuedAt(row, group),
      startedAtUs: optional<number>(row[13]) ?? (attempt! > 0 ? leasedAt : undefined),
      endedAtUs: optional<number>(row[14]),
      scheduledAtUs: state === TaskState.SCHEDULED ? optional<number>(row[12]) : undefined,
      backoffUs: latest === undefined ? optional<number>(row[11]) : undefined,
      input: row.length > PAYLOADS ? ((row[PAYLOADS] as Uint8Array | null) ?? NO_BYTES) : undefined,
      output: row.length > PAYLOADS ? ((row[PAYLOADS + 1] as Uint8Array | null) ?? NO_BYTES) : undefined,
    }),
  };
}

/** Where payloads begin in a row that has them. */
const PAYLOADS = 21;

/** When it last became ready; undefined while it never was. */
function queuedAt(row: SqlRow, group: GroupRow): number | undefined {
  const [state, attempt] = [row[3] as TaskState, row[4] as number];
  if (state === TaskState.SCHEDULED || state === TaskState.BLOCKED) return undefined;
  const own = optional<number>(row[10]);
  if (own !== undefined || attempt > 0 || state === TaskState.QUEUED) return own ?? group.unblockedAtUs;
  // It ended without an attempt: in the queue, while it waited for its start time, or as it was submitted.
  const waitedForTime = optional<number>(row[12]) !== undefined;
  const { unblockedAtUs } = group;
  return waitedForTime || unblockedAtUs === undefined || unblockedAtUs >= (row[14] as number)
    ? undefined
    : unblockedAtUs;
}

const NO_DEPENDENCIES: Dependencies = { ids: [], count: 0 };

function dependenciesOf(group: GroupRow, { dependencies, dependencyGroups }: RecordContext): Dependencies {
  if (group.dependsOn.length === 0) return NO_DEPENDENCIES;
  const known = dependencies.get(group.seq);
  if (known !== undefined) return known;
  const ids: string[] = [];
  let count = 0;
  for (const seq of group.dependsOn) {
    const dependency = dependencyGroups.get(seq)!;
    const listed = Math.min(dependency.count, MAX_DEPENDENCIES - ids.length);
    for (let i = 0; i < listed; i++) ids.push(taskIdOf(dependency, dependency.first + i));
    count += dependency.count;
  }
  const found = { ids, count };
  dependencies.set(group.seq, found);
  return found;
}
