import { TaskState } from "@spanloom/protocol";
import type { Doom } from "../../engine/states.ts";
import { countDependants, type InsertedTasks, initialState, type SpecRun, specRuns, wakeTime } from "../new-tasks.ts";
import type { NewTaskGroup, NewTaskSet } from "../store.ts";
import { newIdRange } from "../task-ids.ts";
import { admitted, loadPlaces } from "./admit.ts";
import { numbers } from "./bulk.ts";
import { type Control, flushRows } from "./control.ts";
import { type GroupWork, lastOf, taskIdOf } from "./groups.ts";
import type { JobWork } from "./jobs.ts";
import type { TaskSpecRecord } from "./specs.ts";
import { statement } from "./statement.ts";

/** Where a set of tasks goes. */
export interface Placement {
  job: JobWork;
  parent:
    | { seq: number; id: string; attempt: number; queue: string; depth: number; boundary: number | undefined }
    | undefined;
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
export async function insertTasks(control: Control, set: NewTaskSet, placement: Placement): Promise<InsertedTasks> {
  const { job, parent } = placement;
  const inherited = { queue: parent?.queue ?? job.queue, priority: job.priority };
  const specs = await control.specs.intern(set, inherited);
  await loadPlaces(control, specs);
  const firstGroup = control.numbers.take("group", set.groups.length);
  const dependants = countDependants(set);
  let tasks = 0;
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
  const { job, parent, doom } = context.placement;
  const count = group.inputs.length;
  const waits = group.dependsOn.length;
  const used = new Set(group.specs.map((index) => context.specs[index]!.seq));
  let inputBytes = 0;
  for (const input of group.inputs) inputBytes += input.length;
  const work: GroupWork = {
    seq: context.firstGroup + context.index,
    first: control.numbers.take("task", count),
    ...newIdRange(control.ids),
    job: job.seq,
    parent: parent?.seq,
    parentId: parent?.id,
    parentAttempt: parent?.attempt ?? 0,
    boundary: parent?.boundary,
    depth: parent === undefined ? 0 : parent.depth + 1,
    spec: used.size === 1 ? [...used][0] : undefined,
    count,
    createdAtUs: control.nowUs,
    inputBytes,
    dependsOn: group.dependsOn.map((index) => context.firstGroup + index),
    open: doom === "none" ? count : 0,
    spoiled: doom !== "none",
    waits,
    dependants: context.dependants.get(context.index) ?? 0,
    unblockedAtUs: waits === 0 ? control.nowUs : undefined,
    outputBytes: 0,
    dependencyBytes: 0,
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
  const first = work.first + from;
  const last = work.first + to - 1;
  const scheduledAtUs = state === TaskState.SCHEDULED ? wakeUs! : undefined;
  const endedAtUs = state >= TaskState.SUCCEEDED ? control.nowUs : undefined;
  control.tasks.inserts.add({
    ...{ group: work.seq, spec: spec.seq, state, first, last },
    ...{ submitted: group, offset: from, scheduledAtUs, endedAtUs },
  });
  for (let seq = first; seq <= last; seq++) control.changes.tasks.add(taskIdOf(work, seq));
  const rows = [first, last] as const;
  if (scheduledAtUs !== undefined) addTimer(control, scheduledAtUs, rows);
  control.jobs.move(job, TaskState.UNSPECIFIED, state, to - from);
  control.changes.jobs.add(job.id);
  if (state === TaskState.QUEUED) makeFirstReady(control, work, spec, rows);
}

/** Rows of consecutive tasks; `to` is included. */
export type RowRange = readonly [from: number, to: number];

/** Remembers when tasks leave SCHEDULED. */
export function addTimer(control: Control, atUs: number, [from, to]: RowRange): void {
  control.tasks.timers.add(atUs, from, to);
  control.changes.addDue(atUs);
}

/** Offers consecutive tasks of a group, now QUEUED, to runners. */
export function makeReady(control: Control, work: GroupWork, spec: TaskSpecRecord, [first, last]: RowRange): void {
  const { seq: group, job, depth } = work;
  const { bucket, gate, concurrency, queueTimeoutMs } = spec;
  const count = last - first + 1;
  if (queueTimeoutMs !== undefined) addQueueTimer(control, queueTimeoutMs, [first, last]);
  control.ready.add({ job, bucket, gate, depth, group, spec: spec.seq, first, last, queuedAtUs: control.nowUs });
  control.changes.addReady(spec.queue, count);
  if (gate !== undefined) control.places.queue(gate, count);
  if (concurrency?.policy === "cancelRunning") control.places.displacing.set(gate!.id, concurrency);
}

/**
 * Offers consecutive tasks that have had no attempt; those that their key refuses fail when ends are followed up.
 *
 * What stands under their keys must have been read.
 */
export function makeFirstReady(control: Control, work: GroupWork, spec: TaskSpecRecord, [from, to]: RowRange): void {
  const places = admitted(control, spec, to - from + 1);
  if (places > 0) makeReady(control, work, spec, [from, from + places - 1]);
  if (from + places <= to) control.rejected.push({ group: work, spec, from: from + places, to });
}

function addQueueTimer(control: Control, queueTimeoutMs: number, [from, to]: RowRange): void {
  const at = control.nowUs + Math.round(queueTimeoutMs * 1000);
  control.tasks.queueTimers.add(at, from, to);
  control.changes.addDue(at);
}

const blockedTasks = statement(
  "blocked_tasks",
  `SELECT g.seq, t.seq, t.spec FROM unnest($1::bigint[]) AS u (seq) JOIN task_group g ON g.seq = u.seq
   JOIN task t ON t.seq BETWEEN g.first AND g.first + g.count - 1
   WHERE t.state = ${TaskState.BLOCKED} ORDER BY t.seq`,
);

/**
 * Unblocks groups whose dependencies are all done.
 *
 * A job start time needs no second look: dependencies only ended because it had come.
 */
export async function unblock(control: Control, works: readonly GroupWork[]): Promise<void> {
  const open = works.filter((work) => work.open > 0);
  // Before it was ever unblocked a group is doomed whole or not at all, so tasks of one spec need not be looked at.
  const isPlain = ({ spec, open, count, unblockedAtUs }: GroupWork) =>
    spec !== undefined && open === count && unblockedAtUs === undefined;
  const plain = open.filter(isPlain);
  const others = open.filter((work) => !isPlain(work));
  await control.specs.load(plain.map(({ spec }) => spec!));
  await loadPlaces(
    control,
    plain.map(({ spec }) => control.specs.get(spec!)),
  );
  for (const work of plain) unblockRun(control, work, control.specs.get(work.spec!), [work.first, lastOf(work)]);
  if (others.length > 0) await unblockMixed(control, others);
  for (const work of plain) noteUnblocked(control, work);
}

function noteUnblocked(control: Control, work: GroupWork): void {
  work.unblockedAtUs ??= control.nowUs;
  control.groups.touch(work);
}

async function unblockMixed(control: Control, works: readonly GroupWork[]): Promise<void> {
  // Tasks may have become BLOCKED in the open transaction, by a retry.
  flushRows(control);
  const rows = await control.sql.ask(blockedTasks, [numbers(works.map(({ seq }) => seq))]);
  await control.specs.load(rows.map(([, , spec]) => spec as number));
  const specs = new Set(rows.map(([, , spec]) => spec as number));
  await loadPlaces(
    control,
    [...specs].map((spec) => control.specs.get(spec)),
  );
  for (let i = 0; i < rows.length; ) {
    const [group, first, spec] = rows[i] as unknown as [number, number, number];
    let end = i + 1;
    while (end < rows.length && rows[end]![2] === spec && rows[end]![1] === first + end - i && rows[end]![0] === group)
      end++;
    unblockRun(control, control.groups.get(group), control.specs.get(spec), [first, first + end - i - 1]);
    i = end;
  }
  // Some may have nothing left to unblock: skipped, or done before a retry of what they had waited for.
  for (const group of new Set(rows.map(([group]) => group as number)))
    noteUnblocked(control, control.groups.get(group));
}

function unblockRun(control: Control, work: GroupWork, spec: TaskSpecRecord, rows: RowRange): void {
  const [from, to] = rows;
  const wakeUs = wakeTime(control.nowUs, spec, undefined);
  const state = wakeUs === undefined ? TaskState.QUEUED : TaskState.SCHEDULED;
  // Tasks that had been ready before a retry keep that time, which stands in their group.
  const queuedAtUs = work.unblockedAtUs === undefined ? undefined : control.nowUs;
  control.tasks.moves.add(from, to, state, wakeUs, queuedAtUs);
  const job = control.jobs.get(work.job);
  control.jobs.move(job, TaskState.BLOCKED, state, to - from + 1);
  control.changes.jobs.add(job.id);
  for (let seq = from; seq <= to; seq++) control.changes.tasks.add(taskIdOf(work, seq));
  if (wakeUs === undefined) makeFirstReady(control, work, spec, rows);
  else addTimer(control, wakeUs, rows);
}
