import { RunnerState, SpanloomError, TaskState } from "@spanloom/protocol";
import { unreportedClose } from "../attempt-close.ts";
import { FORGET_AFTER_US, offersSame, type RunnerIdentity } from "../runner-identity.ts";
import { numbers } from "./bulk.ts";
import { type Control, flushRows } from "./control.ts";
import { endAttempt } from "./end-attempt.ts";
import { loadTasks } from "./prefetch.ts";
import { statement } from "./statement.ts";

/** Records a runner, or what changed of it. One that was draining or stopped is active again. */
export function registerRunner(control: Control, identity: RunnerIdentity): void {
  const runner = control.runners.obtain(identity.id, control.nowUs);
  // It may have come back with more code than before.
  if (runner.state === RunnerState.STOPPED || !offersSame(runner.identity, identity)) runner.refused.clear();
  runner.identity = identity;
  runner.state = RunnerState.ACTIVE;
  runner.lastSeenAtUs = control.nowUs;
  control.runners.save(runner);
}

const heldByRunner = statement(
  "held_by_runner",
  `SELECT t.seq, t.task_group FROM lease l CROSS JOIN unnest(l.tasks) WITH ORDINALITY AS u (seq, place)
   JOIN task t ON t.seq = u.seq
   WHERE l.runner = $1::bigint AND t.lease = l.seq AND t.state = ${TaskState.RUNNING} ORDER BY l.seq, u.place`,
);
const forgetLeases = statement("forget_leases_of_runner", "DELETE FROM lease WHERE runner = $1::bigint");

/** Marks a runner stopped and gives its tasks back. A runner nobody knows has nothing to give back. */
export async function unregisterRunner(control: Control, runnerId: string): Promise<void> {
  const runner = control.runners.find(runnerId);
  if (runner === undefined) return;
  flushRows(control);
  const rows = await control.sql.ask(heldByRunner, [runner.seq]);
  const places = rows.map(([seq, group]) => ({ seq: seq as number, group: group as number }));
  for (const work of await loadTasks(control, places)) {
    await endAttempt(control, work, unreportedClose(work, { kind: "released" }));
  }
  control.sql.send(forgetLeases, [runner.seq]);
  runner.state = RunnerState.STOPPED;
  runner.lastSeenAtUs = control.nowUs;
  control.runners.save(runner);
}

/** Marks a runner draining; it learns of it with its next answer. Errors: RUNNER_NOT_FOUND. */
export function drainRunner(control: Control, runnerId: string): void {
  const runner = control.runners.find(runnerId);
  if (runner === undefined) {
    throw new SpanloomError("RUNNER_NOT_FOUND", `cannot drain runner: no runner has the id "${runnerId}"`);
  }
  if (runner.state === RunnerState.STOPPED) return;
  runner.state = RunnerState.DRAINING;
  control.runners.save(runner);
  control.changes.cancelled.add(runner.id);
}

const silentRunners = statement(
  "silent_runners",
  `SELECT r.seq, EXISTS (SELECT 1 FROM job_runner jr WHERE jr.runner = r.seq) FROM runner r
   WHERE r.state <> ${RunnerState.UNSPECIFIED} AND r.last_seen_at < $1::bigint
   AND NOT EXISTS (SELECT 1 FROM lease l CROSS JOIN unnest(l.tasks) AS u (seq) JOIN task t ON t.seq = u.seq
     WHERE l.runner = r.seq AND t.lease = l.seq AND t.state = ${TaskState.RUNNING}) LIMIT $2::integer`,
);
const keepRunnerIds = statement(
  "keep_runner_ids",
  `UPDATE runner SET body = NULL, refused = NULL, state = ${RunnerState.UNSPECIFIED} WHERE seq = ANY($1::bigint[])`,
);
const deleteRunners = statement("delete_runners", "DELETE FROM runner WHERE seq = ANY($1::bigint[])");

/**
 * Forgets runners that were not heard of for a day: at most `limit`. Of one that had attempts only the id is kept.
 *
 * Not right after the store was opened: nobody could be heard of while no server ran.
 */
export async function forgetRunners(control: Control, limit: number): Promise<void> {
  const { nowUs, options, openedAtUs } = control;
  if (nowUs - openedAtUs < options.runnerLostMs * 1000) return;
  flushRows(control);
  const rows = await control.sql.ask(silentRunners, [nowUs - FORGET_AFTER_US, limit]);
  if (rows.length === 0) return;
  const named = rows.filter(([, isNamed]) => isNamed).map(([seq]) => seq as number);
  const unnamed = rows.filter(([, isNamed]) => !isNamed).map(([seq]) => seq as number);
  control.sql.send(keepRunnerIds, [numbers(named)]);
  control.sql.send(deleteRunners, [numbers(unnamed)]);
  control.runners.forget([...named, ...unnamed]);
}
