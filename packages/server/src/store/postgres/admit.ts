import { CancellationReason, TaskState } from "@spanloom/protocol";
import { spoilsParent } from "../../engine/subtree.ts";
import { encodeFailure } from "../cells.ts";
import { noteEnded } from "../note-ended.ts";
import type { ConcurrencyRule, Failure } from "../store.ts";
import { type Control, flushRows } from "./control.ts";
import { spreadFailure, stopAttempt } from "./doom.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import { loadTasks } from "./prefetch.ts";
import type { StoredGate, TaskSpecRecord } from "./specs.ts";
import { statement } from "./statement.ts";

/** Consecutive tasks of one group and spec; `to` is included. */
export interface SpecRun {
  group: GroupWork;
  spec: TaskSpecRecord;
  from: number;
  to: number;
}

/** Reads what stands under the keys of specs of which tasks are to become ready. */
export async function loadPlaces(control: Control, specs: Iterable<TaskSpecRecord>): Promise<void> {
  const gates: StoredGate[] = [];
  const counted = new Set<string>();
  for (const { gate, concurrency } of specs) {
    if (gate !== undefined) gates.push(gate);
    if (concurrency?.policy === "rejectNew") counted.add(concurrency.key);
  }
  if (gates.length === 0) return;
  await control.places.load(gates);
  await countQueued(control, counted);
}

async function countQueued(control: Control, keys: Iterable<string>): Promise<void> {
  if (!control.places.needsQueued(keys)) return;
  // What the open transaction offers must be there to be counted.
  flushRows(control);
  control.ready.flush();
  await control.places.loadQueued(keys);
}

/**
 * How many of `count` tasks that become ready find a place under their key; the others are refused.
 *
 * Only tasks that refuse themselves count what already waits: running and waiting ones together fill the places.
 */
export function admitted(control: Control, { concurrency }: TaskSpecRecord, count: number): number {
  if (concurrency?.policy !== "rejectNew") return count;
  const { running, queued } = control.places.find(concurrency.key)!;
  return Math.max(0, Math.min(count, concurrency.limit - running - queued!));
}

/** Fails the tasks that were refused a place, unless their job has ended them meanwhile. */
export async function failRejected(control: Control): Promise<void> {
  for (const run of control.rejected.splice(0)) {
    const { key, limit } = run.spec.concurrency!;
    const message = `concurrency key "${key}" has all ${limit} places taken`;
    await failQueued(control, run, { type: "ConcurrencyRejected", message, stack: "" });
  }
}

const failTasks = statement(
  "fail_queued_tasks",
  `UPDATE task SET state = ${TaskState.FAILED}, ended_at = $3::bigint, failure = $4::text
   WHERE seq BETWEEN $1::bigint AND $2::bigint AND state = ${TaskState.QUEUED} RETURNING seq`,
);

/** Fails those of a run of tasks that are still QUEUED, without an attempt. The caller follows up. */
export async function failQueued(
  control: Control,
  { group, spec, from, to }: SpecRun,
  failure: Failure,
): Promise<void> {
  flushRows(control);
  const rows = await control.sql.send(failTasks, [from, to, control.nowUs, encodeFailure(failure)]);
  if (rows.length === 0) return;
  await control.jobs.load([group.job]);
  const job = control.jobs.get(group.job);
  control.jobs.move(job, TaskState.QUEUED, TaskState.FAILED, rows.length);
  control.changes.jobs.add(job.id);
  const ids = rows.map(([seq]) => taskIdOf(group, seq as number)).sort();
  for (const id of ids) control.changes.tasks.add(id);
  noteEnded(control, group, rows.length, spoilsParent(TaskState.FAILED, spec.optional));
  if (job.doom === "none") {
    spreadFailure(control, { id: ids[0]!, job, group, optional: spec.optional, failure });
  }
}

const longestHolders = statement(
  "longest_holders",
  `SELECT h.task, t.task_group FROM (SELECT task FROM holder WHERE key = $1::text ORDER BY leased_at, task
   LIMIT $2::integer) h JOIN task t ON t.seq = h.task`,
);

/** Tells as many of the longest-running holders of full keys to stop as there are tasks that displace them. */
export async function displaceHolders(control: Control): Promise<void> {
  const rules = [...control.places.displacing.values()];
  control.places.displacing.clear();
  for (const rule of rules) await displace(control, rule);
}

async function displace(control: Control, concurrency: ConcurrencyRule): Promise<void> {
  const { key, limit } = concurrency;
  await control.places.load([{ id: "", concurrency }]);
  if (control.places.find(key)!.running < limit) return;
  await countQueued(control, [key]);
  const displacing = control.places.find(key)!.displacing!;
  if (displacing === 0) return;
  flushRows(control);
  const rows = await control.sql.ask(longestHolders, [key, displacing]);
  const places = rows.map(([seq, group]) => ({ seq: seq as number, group: group as number }));
  const works = await loadTasks(control, places);
  await control.runners.load(works.map(({ runner }) => runner!));
  for (const work of works) stopAttempt(control, work, CancellationReason.CONCURRENCY);
}
