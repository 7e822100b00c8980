import { AttemptOutcome, TaskState } from "@spanloom/protocol";
import { present } from "../../present.ts";
import { decodeFailure, decodeProgress, optionalNumber } from "../cells.ts";
import type { AttemptRecord, TaskRecord } from "../store.ts";
import type { Control } from "./control.ts";
import type { SqlRow, SqlValue } from "./database.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import { loadBytes, payloadKinds } from "./payloads.ts";

/** What {@link toTaskRecords} needs of each row of `task`, in this order. */
export const taskColumns = `seq, task_group, spec, state, attempt, outcome, counted, runner, leased_at, attempt_ended_at,
  queued_at, backoff_us, scheduled_at, started_at, ended_at, child_count, dropped, display, failure, progress, input,
  output, extras`;

const MAX_DEPENDENCIES = 1_000;
const NO_BYTES = new Uint8Array(0);

/** What the records of tasks are made with. */
export interface TaskRecordOptions {
  includePayloads: boolean;
  /** Their jobs by number, where they are at hand. */
  jobs?: ReadonlyMap<number, { id: string; name: string }>;
}

/** Rows of `task` as records; attempts and dependencies of all of them are read together. */
export function toTaskRecords(control: Control, rows: readonly SqlRow[], options: TaskRecordOptions): TaskRecord[] {
  const context = {
    ...options,
    control,
    earlier: earlierAttempts(control, rows),
    dependencies: new Map<number, Dependencies>(),
    parents: new Map<number, string>(),
  };
  return rows.map((row) => toTaskRecord(row, context));
}

interface Dependencies {
  ids: readonly string[];
  count: number;
}

interface RecordContext extends TaskRecordOptions {
  control: Control;
  earlier: ReadonlyMap<number, AttemptRecord[]>;
  /** By group. */
  dependencies: Map<number, Dependencies>;
  parents: Map<number, string>;
}

function earlierAttempts(control: Control, rows: readonly SqlRow[]): Map<number, AttemptRecord[]> {
  const byTask = new Map<number, AttemptRecord[]>();
  // A first attempt that is the latest lives in the task's row; only tasks tried again can have rows here.
  const tasks = rows.filter((row) => (row[4] as number) > 0 && row[13] !== null).map(([seq]) => seq);
  if (tasks.length === 0) return byTask;
  const attempts = control.db.rows(
    `SELECT task, number, runner, outcome, leased_at, ended_at, queued_at, backoff_us, dropped, failure, extras
     FROM attempt WHERE task IN (SELECT value FROM json_each(?)) ORDER BY task, number`,
    JSON.stringify(tasks),
  );
  for (const row of attempts) {
    const task = row[0] as number;
    const list = byTask.get(task);
    const record = toEarlierAttempt(control, row);
    if (list === undefined) byTask.set(task, [record]);
    else list.push(record);
  }
  return byTask;
}

function toEarlierAttempt(control: Control, row: SqlRow): AttemptRecord {
  const [, number, runner, outcome, leasedAt, endedAt, queuedAt, backoff, dropped] = row as number[];
  return attemptRecord({
    number: number!,
    runnerId: control.runners.bySeq(runner!).id,
    outcome: outcome as AttemptOutcome,
    leasedAtUs: leasedAt!,
    endedAtUs: endedAt!,
    failure: row[9]!,
    queuedAtUs: queuedAt!,
    backoffUs: backoff!,
    spanExtras: (row[10] as Uint8Array | null) ?? NO_BYTES,
    droppedTelemetry: dropped!,
  });
}

function attemptRecord(
  parts: Omit<AttemptRecord, "failure" | "endedAtUs"> & { failure: SqlValue; endedAtUs: number | undefined },
): AttemptRecord {
  const { failure, endedAtUs, ...rest } = parts;
  const decoded = decodeFailure(failure);
  return {
    ...rest,
    ...(endedAtUs !== undefined && { endedAtUs }),
    ...(decoded !== undefined && { failure: decoded }),
  };
}

function latestAttempt(control: Control, group: GroupWork, row: SqlRow): AttemptRecord | undefined {
  const [seq, , , state, number, outcome, , runner, leasedAt, endedAt, queuedAt, backoff] = row as number[];
  if (state !== TaskState.RUNNING && outcome === AttemptOutcome.UNSPECIFIED) return undefined;
  return attemptRecord({
    number: number!,
    runnerId: control.runners.bySeq(runner!).id,
    outcome: outcome as AttemptOutcome,
    leasedAtUs: leasedAt!,
    endedAtUs: outcome === AttemptOutcome.UNSPECIFIED ? undefined : endedAt!,
    failure: outcome === AttemptOutcome.SUCCESS ? null : row[18]!,
    queuedAtUs: queuedAt ?? group.unblockedAtUs ?? group.createdAtUs,
    backoffUs: backoff ?? 0,
    spanExtras: loadBytes(control.db, seq!, payloadKinds.extras, row[22]!),
    droppedTelemetry: (row[16] as number | null) ?? 0,
  });
}

function toTaskRecord(row: SqlRow, context: RecordContext): TaskRecord {
  const { control, includePayloads } = context;
  const [seq, groupSeq, specSeq, state, attempt, , counted, , leasedAt] = row as number[];
  const group = control.groups.get(groupSeq!);
  const spec = control.specs.get(specSeq!);
  const job = context.jobs?.get(group.job) ?? control.jobs.get(group.job);
  const latest = latestAttempt(control, group, row);
  const earlier = context.earlier.get(seq!) ?? [];
  const dependencies = dependenciesOf(group, context);
  const ended = state! >= TaskState.FAILED;
  return {
    id: taskIdOf(group, seq!),
    jobId: job.id,
    jobName: job.name,
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
    progress: decodeProgress(row[19]!),
    createdAtUs: group.createdAtUs,
    childCount: optionalNumber(row[15]!) ?? 0,
    ...present({
      parentId: parentOf(group, context),
      failure: ended ? decodeFailure(row[18]!) : undefined,
      unblockedAtUs: group.unblockedAtUs,
      queuedAtUs: queuedAt(group, row),
      startedAtUs: optionalNumber(row[13]!) ?? (attempt! > 0 ? leasedAt : undefined),
      endedAtUs: optionalNumber(row[14]!),
      scheduledAtUs: state === TaskState.SCHEDULED ? optionalNumber(row[12]!) : undefined,
      backoffUs: latest === undefined ? optionalNumber(row[11]!) : undefined,
      input: includePayloads ? loadBytes(control.db, seq!, payloadKinds.input, row[20]!) : undefined,
      output: includePayloads ? loadBytes(control.db, seq!, payloadKinds.output, row[21]!) : undefined,
    }),
  };
}

/** When it last became ready; undefined while it never was. */
function queuedAt(group: GroupWork, row: SqlRow): number | undefined {
  const [state, attempt] = [row[3] as TaskState, row[4] as number];
  if (state === TaskState.SCHEDULED || state === TaskState.BLOCKED) return undefined;
  const own = optionalNumber(row[10]!);
  if (own !== undefined || attempt > 0 || state === TaskState.QUEUED) return own ?? group.unblockedAtUs;
  // It ended without an attempt: in the queue, while it waited for its start time, or as it was submitted.
  const waitedForTime = row[12] !== null;
  const { unblockedAtUs } = group;
  return waitedForTime || unblockedAtUs === undefined || unblockedAtUs >= (row[14] as number)
    ? undefined
    : unblockedAtUs;
}

function parentOf(group: GroupWork, { control, parents }: RecordContext): string | undefined {
  const { parent } = group;
  if (parent === undefined) return undefined;
  let id = parents.get(parent);
  if (id === undefined) {
    const [groupSeq] = control.db.row("SELECT task_group FROM task WHERE seq = ?", parent)! as [number];
    id = taskIdOf(control.groups.get(groupSeq), parent);
    parents.set(parent, id);
  }
  return id;
}

const NO_DEPENDENCIES: Dependencies = { ids: [], count: 0 };

function dependenciesOf(group: GroupWork, { control, dependencies }: RecordContext): Dependencies {
  if (group.dependsOn.length === 0) return NO_DEPENDENCIES;
  const known = dependencies.get(group.seq);
  if (known !== undefined) return known;
  const ids: string[] = [];
  let count = 0;
  for (const seq of group.dependsOn) {
    const dependency = control.groups.get(seq);
    const listed = Math.min(dependency.count, MAX_DEPENDENCIES - ids.length);
    for (let i = 0; i < listed; i++) ids.push(taskIdOf(dependency, dependency.first + i));
    count += dependency.count;
  }
  const found = { ids, count };
  dependencies.set(group.seq, found);
  return found;
}
