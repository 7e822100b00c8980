import { TaskState } from "@spanloom/protocol";
import type { Doom } from "../../engine/states.ts";
import { countDependants, type InsertedTasks, initialState, type SpecRun, specRuns, wakeTime } from "../new-tasks.ts";
import type { NewTaskGroup, NewTaskSet } from "../store.ts";
import { newIdRange } from "../task-ids.ts";
import type { TaskSpecRecord } from "../task-spec.ts";
import { admitted, displace } from "./admit.ts";
import type { Control } from "./control.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import type { JobWork } from "./jobs.ts";
import { payloadKinds, storeBytes } from "./payloads.ts";

/** Where a set of tasks goes. */
export interface Placement {
  job: JobWork;
  parent: { seq: number; attempt: number; queue: string; depth: number } | undefined;
  /** Not before this; only roots have it. */
  startAtUs: number | undefined;
  /** Whether the job, or the subtree the tasks belong to, will not run any more. */
  doom: Doom;
}

/**
 * Inserts a set of tasks. Those without dependencies become ready at once, or at their time.
 *
 * In a doomed job they are inserted as ended: they were submitted, so the record shows them, but they never start.
 */
export function insertTasks(control: Control, set: NewTaskSet, placement: Placement): InsertedTasks {
  const { job, parent } = placement;
  const inherited = { queue: parent?.queue ?? job.queue, priority: job.priority };
  const specs = set.specs.map((spec) => control.specs.intern(spec, inherited));
  const firstGroup = control.groups.nextSeq;
  let tasks = 0;
  const dependants = countDependants(set);
  for (const [index, group] of set.groups.entries()) {
    insertGroup(control, group, { placement, specs, firstGroup, dependants, index });
    tasks += group.inputs.length;
  }
  return { groups: set.groups.length, tasks };
}

interface GroupContext {
  placement: Placement;
  specs: readonly TaskSpecRecord[];
  firstGroup: number;
  /** How many groups wait for each, by index. */
  dependants: ReadonlyMap<number, number>;
  index: number;
}

function insertGroup(control: Control, group: NewTaskGroup, context: GroupContext): void {
  const { index } = context;
  const { job, parent, doom } = context.placement;
  const count = group.inputs.length;
  const waits = group.dependsOn.length;
  const work: GroupWork = {
    ...control.groups.reserve(count),
    ...newIdRange(control.ids),
    job: job.seq,
    parent: parent?.seq,
    parentAttempt: parent?.attempt ?? 0,
    depth: parent === undefined ? 0 : parent.depth + 1,
    count,
    createdAtUs: control.nowUs,
    dependsOn: group.dependsOn.map((index) => context.firstGroup + index),
    open: doom === "none" ? count : 0,
    spoiled: doom !== "none",
    waits,
    dependants: context.dependants.get(index) ?? 0,
    unblockedAtUs: waits === 0 ? control.nowUs : undefined,
    outputBytes: 0,
  };
  control.groups.insert(work);
  for (const run of specRuns(group, context.specs))
    insertRun(control, { ...run, group, work, placement: context.placement });
}

interface RunContext extends SpecRun<TaskSpecRecord> {
  group: NewTaskGroup;
  work: GroupWork;
  placement: Placement;
}

function insertRun(control: Control, context: RunContext): void {
  const { group, work, spec, from, to } = context;
  const { job, doom, startAtUs } = context.placement;
  const wakeUs = wakeTime(control.nowUs, spec, startAtUs);
  const state = initialState(doom, work.waits, wakeUs);
  const scheduledAt = state === TaskState.SCHEDULED ? wakeUs! : null;
  const endedAt = state >= TaskState.SUCCEEDED ? control.nowUs : null;
  for (let index = from; index < to; index++) {
    const seq = work.first + index;
    control.db.run(
      `INSERT INTO task (seq, task_group, spec, state, scheduled_at, ended_at, display, input)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      seq,
      work.seq,
      spec.seq,
      state,
      scheduledAt,
      endedAt,
      group.displays[index] || null,
      storeBytes(control.db, seq, payloadKinds.input, group.inputs[index]!),
    );
    if (scheduledAt !== null) addTimer(control, scheduledAt, seq);
    control.changes.tasks.add(taskIdOf(work, seq));
  }
  control.jobs.move(job, TaskState.UNSPECIFIED, state, to - from);
  control.changes.jobs.add(job.id);
  if (state === TaskState.QUEUED) makeFirstReady(control, work, spec, [work.first + from, work.first + to - 1]);
}

/** Remembers when a task leaves SCHEDULED. */
export function addTimer(control: Control, atUs: number, task: number): void {
  control.db.run("INSERT OR IGNORE INTO timer (at, task) VALUES (?, ?)", atUs, task);
  control.changes.addDue(atUs);
}

/** Rows of consecutive tasks; `to` is included. */
type Rows = readonly [from: number, to: number];

/** Offers consecutive tasks of a group, now QUEUED, to runners. */
export function makeReady(control: Control, work: GroupWork, spec: TaskSpecRecord, [from, to]: Rows): void {
  if (spec.queueTimeoutMs !== undefined) addQueueTimer(control, spec.queueTimeoutMs, [from, to]);
  control.ready.add(spec, { job: work.job, depth: work.depth, from, to, queuedAtUs: control.nowUs });
  control.changes.addReady(spec.queue, to - from + 1);
  if (spec.concurrency?.policy === "cancelRunning") displace(control, spec.concurrency);
}

/** Offers consecutive tasks that have had no attempt; those that their key refuses fail when the closings are run. */
export function makeFirstReady(control: Control, work: GroupWork, spec: TaskSpecRecord, [from, to]: Rows): void {
  const places = admitted(control, spec, to - from + 1);
  if (places > 0) makeReady(control, work, spec, [from, from + places - 1]);
  if (from + places <= to) control.rejected.push({ group: work, spec, from: from + places, to });
}

function addQueueTimer(control: Control, queueTimeoutMs: number, [from, to]: Rows): void {
  const at = control.nowUs + Math.round(queueTimeoutMs * 1000);
  // A task may come back at the time at which it became ready with others: those are still to be looked at.
  control.db.run(
    "INSERT INTO queue_timer (at, first, last) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
    at,
    from,
    to,
  );
  control.changes.addDue(at);
}

/**
 * Unblocks a group whose dependencies are all done.
 *
 * A job start time needs no second look: dependencies only ended because it had come.
 */
export function unblock(control: Control, work: GroupWork): void {
  const last = work.first + work.count - 1;
  const rows = control.db.rows(
    "SELECT seq, spec FROM task WHERE seq BETWEEN ? AND ? AND state = ? ORDER BY seq",
    work.first,
    last,
    TaskState.BLOCKED,
  );
  // All may have ended before: skipped, or done before a retry of what they had waited for.
  if (rows.length === 0) return;
  // Tasks that had been ready before a retry keep that time, which stands in their group.
  const queuedAtUs = work.unblockedAtUs === undefined ? null : control.nowUs;
  work.unblockedAtUs ??= control.nowUs;
  control.groups.touch(work);
  for (let i = 0; i < rows.length; ) {
    const spec = rows[i]![1];
    let end = i + 1;
    while (end < rows.length && rows[end]![1] === spec && rows[end]![0] === (rows[end - 1]![0] as number) + 1) end++;
    const run: Rows = [rows[i]![0] as number, rows[end - 1]![0] as number];
    unblockRun(control, run, { work, spec: control.specs.get(spec as number), queuedAtUs });
    i = end;
  }
}

interface UnblockedRun {
  work: GroupWork;
  spec: TaskSpecRecord;
  /** Null: its group's unblocked_at. */
  queuedAtUs: number | null;
}

function unblockRun(control: Control, [from, to]: Rows, { work, spec, queuedAtUs }: UnblockedRun): void {
  const wakeUs = wakeTime(control.nowUs, spec, undefined);
  const state = wakeUs === undefined ? TaskState.QUEUED : TaskState.SCHEDULED;
  control.db.run(
    "UPDATE task SET state = ?, scheduled_at = ?, queued_at = ? WHERE seq BETWEEN ? AND ?",
    state,
    wakeUs ?? null,
    queuedAtUs,
    from,
    to,
  );
  const job = control.jobs.get(work.job);
  control.jobs.move(job, TaskState.BLOCKED, state, to - from + 1);
  control.changes.jobs.add(job.id);
  for (let seq = from; seq <= to; seq++) {
    control.changes.tasks.add(taskIdOf(work, seq));
    if (wakeUs !== undefined) addTimer(control, wakeUs, seq);
  }
  if (wakeUs === undefined) makeFirstReady(control, work, spec, [from, to]);
}
