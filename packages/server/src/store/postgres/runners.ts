import { RunnerState, SpanloomError, TaskState } from "@spanloom/protocol";
import { type Control, flushRows } from "./control.ts";
import { endAttempt, unreportedClose } from "./end-attempt.ts";
import { loadTasks } from "./prefetch.ts";
import type { RunnerIdentity } from "./runner-table.ts";
import { statement } from "./statement.ts";

/** Records a runner, or what changed of it. One that was draining or stopped is active again. */
export function registerRunner(control: Control, identity: RunnerIdentity): void {
  const runner = control.runners.obtain(identity.id, control.nowUs);
  runner.identity = identity;
  runner.state = RunnerState.ACTIVE;
  runner.lastSeenAtUs = control.nowUs;
  // It may have come back with more code than before.
  runner.refused.clear();
  control.runners.save(runner);
}

const heldByRunner = statement(
  "held_by_runner",
  `SELECT t.seq, t.task_group FROM lease l CROSS JOIN unnest(l.tasks) AS u (seq) JOIN task t ON t.seq = u.seq
   WHERE l.runner = $1::bigint AND t.lease = l.seq AND t.state = ${TaskState.RUNNING} ORDER BY t.seq`,
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
