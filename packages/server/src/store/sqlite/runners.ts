import { RunnerState, SpanloomError } from "@spanloom/protocol";
import { unreportedClose } from "../attempt-close.ts";
import { FORGET_AFTER_US, offersSame, type RunnerIdentity } from "../runner-identity.ts";
import type { Page, RunnerRecord } from "../store.ts";
import { runClosings } from "./cascade.ts";
import type { Control } from "./control.ts";
import { endAttempt } from "./end-attempt.ts";
import type { RunnerWork } from "./runner-table.ts";

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

/** Marks a runner stopped and gives its tasks back. A runner nobody knows has nothing to give back. */
export function unregisterRunner(control: Control, runnerId: string): void {
  const runner = control.runners.find(runnerId);
  if (runner === undefined) return;
  for (const work of [...runner.running]) {
    endAttempt(control, work, unreportedClose(work, { kind: "released" }));
    runClosings(control);
  }
  runner.state = RunnerState.STOPPED;
  runner.lastSeenAtUs = control.nowUs;
  control.runners.save(runner);
}

/** Marks a runner draining; it learns of it with its next answer. Errors: RUNNER_NOT_FOUND. */
export function drainRunner(control: Control, runnerId: string): void {
  const runner = runnerOf(control, runnerId, "drain");
  if (runner.state === RunnerState.STOPPED) return;
  runner.state = RunnerState.DRAINING;
  control.runners.save(runner);
  control.changes.cancelled.add(runner.id);
}

function runnerOf(control: Control, runnerId: string, verb: string): RunnerWork {
  const runner = control.runners.find(runnerId);
  if (runner !== undefined) return runner;
  throw new SpanloomError("RUNNER_NOT_FOUND", `cannot ${verb} runner: no runner has the id "${runnerId}"`);
}

/** Registered runners, newest first. */
export function listRunners(
  control: Control,
  query: { states?: readonly RunnerState[]; queue?: string },
  page: Page,
): RunnerRecord[] {
  const records: RunnerRecord[] = [];
  const before = page.after === undefined ? Number.MAX_SAFE_INTEGER : runnerOf(control, page.after, "list").seq;
  for (const runner of control.runners.registered(before)) {
    if (records.length >= page.limit) break;
    const record = toRunnerRecord(control, runner);
    if (query.states !== undefined && query.states.length > 0 && !query.states.includes(record.state)) continue;
    if (query.queue === undefined || record.queues.includes(query.queue)) records.push(record);
  }
  return records;
}

/**
 * Forgets runners that were not heard of for a day: at most `limit`. Of one that had attempts only the id is kept.
 *
 * Not right after the store was opened: nobody could be heard of while it was closed.
 */
export function forgetRunners(control: Control, limit: number): void {
  const { nowUs, options, openedAtUs, runners } = control;
  if (nowUs - openedAtUs < options.runnerLostMs * 1000) return;
  const rows = control.db.rows(
    `SELECT id FROM runner WHERE state <> ${RunnerState.UNSPECIFIED} AND last_seen_at < ? LIMIT ?`,
    nowUs - FORGET_AFTER_US,
    limit,
  );
  for (const [id] of rows) runners.forget(id as string);
}

/** State of a runner as seen now: lost when it has been silent for too long. */
export function runnerStateNow(control: Control, runner: RunnerWork): RunnerState {
  const silentMs = (control.options.nowUs() - runner.lastSeenAtUs) / 1000;
  const gone = runner.state !== RunnerState.STOPPED && silentMs > control.options.runnerLostMs;
  return gone ? RunnerState.LOST : runner.state;
}

function toRunnerRecord(control: Control, runner: RunnerWork): RunnerRecord {
  return {
    ...runner.identity!,
    running: runner.running.size,
    state: runnerStateNow(control, runner),
    registeredAtUs: runner.registeredAtUs,
    lastSeenAtUs: runner.lastSeenAtUs,
  };
}
