import { CancellationReason, TaskState } from "@spanloom/protocol";
import { spoilsParent } from "../../engine/subtree.ts";
import { encodeFailure } from "../cells.ts";
import { noteEnded } from "../note-ended.ts";
import type { ConcurrencyRule, Failure } from "../store.ts";
import { numbers, texts } from "./bulk.ts";
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

const unparkGates = statement(
  "unpark_lines_of_keys",
  `UPDATE ready_line l SET parked = false FROM (
     SELECT c.job, c.bucket, c.gate, c.room FROM unnest($1::text[], $2::integer[]) AS u (key, running)
     JOIN gate g ON g.key = u.key AND g.places > u.running
     CROSS JOIN LATERAL (SELECT job, bucket, gate, g.places - u.running AS room FROM ready_line
       WHERE gate = g.seq AND parked ORDER BY turn LIMIT g.places - u.running) c
   ) c WHERE l.job = c.job AND l.bucket = c.bucket AND l.gate = c.gate RETURNING l.bucket, c.room`,
);

/** Lets lines try again whose key has free places; one for each place and no more, so that what waits is not walked over. */
export async function reopenGates(control: Control): Promise<void> {
  const keys = [...control.places.freed];
  control.places.freed.clear();
  if (keys.length === 0) return;
  const concurrency = (key: string) => ({ key, limit: 0, policy: "wait" }) as const;
  await control.places.load(keys.map((key) => ({ id: "", concurrency: concurrency(key) })));
  // Lines may have been parked in the open transaction.
  control.ready.flush();
  const running = keys.map((key) => control.places.find(key)!.running);
  noteUnparked(control, await control.sql.send(unparkGates, [texts(keys), numbers(running)]));
}

function noteUnparked(control: Control, rows: readonly (readonly unknown[])[]): void {
  if (rows.length === 0) return;
  control.ready.forgetEmpty();
  for (const [bucket, room] of rows as readonly [number, number][]) {
    control.changes.addReady(control.specs.bucket(bucket).queue, room);
  }
}

const awaitedWindows = statement(
  "awaited_windows",
  `SELECT w.key, w.window_ms, w.start_at FROM rate_window w WHERE EXISTS (
     SELECT 1 FROM gate g JOIN ready_line l ON l.gate = g.seq AND l.parked
     WHERE g.rate_key = w.key AND g.window_ms = w.window_ms)`,
);
const forgetWindows = statement(
  "forget_windows",
  `DELETE FROM rate_window w WHERE w.start_at + w.window_ms * 1000 < $1::bigint AND NOT EXISTS (
     SELECT 1 FROM gate g JOIN ready_line l ON l.gate = g.seq AND l.parked
     WHERE g.rate_key = w.key AND g.window_ms = w.window_ms)`,
);
const unparkWindows = statement(
  "unpark_lines_of_windows",
  `UPDATE ready_line l SET parked = false FROM (
     SELECT c.job, c.bucket, c.gate, c.room FROM unnest($1::text[], $2::double precision[]) AS u (key, window_ms)
     JOIN gate g ON g.rate_key = u.key AND g.window_ms = u.window_ms
     CROSS JOIN LATERAL (SELECT job, bucket, gate, g.rate_limit AS room FROM ready_line
       WHERE gate = g.seq AND parked ORDER BY turn LIMIT g.rate_limit) c
   ) c WHERE l.job = c.job AND l.bucket = c.bucket AND l.gate = c.gate RETURNING l.bucket, c.room`,
);

/** Lets lines try again whose window is over, in either direction; answers when the next one that is awaited ends. */
export async function turnWindows(control: Control): Promise<number | undefined> {
  control.places.flush();
  control.ready.flush();
  const rows = (await control.sql.ask(awaitedWindows, [])) as unknown as [string, number, number][];
  const over = rows.filter(([, windowMs, startUs]) => windowStartUs(windowMs, control.nowUs) !== startUs);
  if (over.length > 0) {
    const values = [texts(over.map(([key]) => key)), `{${over.map(([, windowMs]) => windowMs)}}`];
    noteUnparked(control, await control.sql.send(unparkWindows, values));
  }
  let next: number | undefined;
  for (const [, windowMs, startUs] of rows) {
    const endUs = startUs + windowMs * 1000;
    if (endUs > control.nowUs && (next === undefined || endUs < next)) next = endUs;
  }
  return next;
}

/** Removes windows that are over and nobody waits for. */
export function dropWindows(control: Control): void {
  control.sql.send(forgetWindows, [control.nowUs]);
}

function windowStartUs(windowMs: number, nowUs: number): number {
  const lengthUs = windowMs * 1000;
  return Math.floor(nowUs / lengthUs) * lengthUs;
}
