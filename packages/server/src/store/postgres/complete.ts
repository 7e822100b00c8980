import { AttemptOutcome, TaskState } from "@spanloom/protocol";
import { sameToken } from "../../engine/lease.ts";
import { reportedClose } from "../attempt-close.ts";
import type { AttemptReport, ReportOutcome } from "../store.ts";
import { type Control, flushRows } from "./control.ts";
import { endAttempt } from "./end-attempt.ts";
import { settleEnds, settleRefusing } from "./follow-up.ts";
import type { RunnerWork } from "./runner-table.ts";
import { statement } from "./statement.ts";
import type { TaskWork } from "./tasks.ts";

/** The running attempt that a lease names; undefined when it does not hold its task (any more). */
export function heldTask(
  control: Control,
  lease: { taskId: string; attempt: number; token: Uint8Array },
): TaskWork | undefined {
  const work = control.tasks.find(lease.taskId);
  if (work === undefined || work.state !== TaskState.RUNNING || work.attempt !== lease.attempt) return undefined;
  return work.token !== undefined && sameToken(work.token, lease.token) ? work : undefined;
}

/** Ends an attempt as its runner reports it; fenced by the lease's token (I2). */
export async function complete(control: Control, runner: RunnerWork, report: AttemptReport): Promise<ReportOutcome> {
  const work = heldTask(control, report);
  if (work === undefined) {
    if (!(await isRepeated(control, report))) return "stale";
    if (report.droppedTelemetry > 0) noteDropped(control, report);
    return "ok";
  }
  const { result } = report;
  if (result.kind === "released" && result.unknownIdentifier) {
    const { name, major, minor } = control.specs.get(work.spec);
    runner.refused.add(`${name}@${major}.${minor}`);
    control.runners.save(runner);
  }
  if (result.kind === "success" && result.children !== undefined) await settleRefusing(control, result.children);
  await endAttempt(control, work, reportedClose(work, report));
  // Tasks that are refused a place are judged by what runs when they become ready, not by what the next reports free.
  if (control.closing.length > 0 && control.specs.hasRefusing) await settleEnds(control);
  return "ok";
}

const dropMore = statement(
  "drop_more",
  `UPDATE task SET dropped = greatest(dropped, $3::bigint) WHERE seq = $1::bigint AND attempt = $2::integer`,
);
const dropMoreEarlier = statement(
  "drop_more_earlier",
  `UPDATE attempt SET dropped = greatest(dropped, $3::bigint) WHERE task = $1::bigint AND number = $2::integer`,
);

/** Telemetry that was given up after its attempt was reported: the same report again says how much in all. */
function noteDropped(control: Control, { taskId, attempt, droppedTelemetry }: AttemptReport): void {
  const { seq } = control.tasks.lastHeld(taskId)!;
  // It may have ended in this very transaction.
  flushRows(control);
  control.sql.send(dropMore, [seq, attempt, droppedTelemetry]);
  control.sql.send(dropMoreEarlier, [seq, attempt, droppedTelemetry]);
  control.changes.tasks.add(taskId);
}

/** Whether this very attempt was ended by a report with this token before (I3). */
async function isRepeated(control: Control, report: AttemptReport): Promise<boolean> {
  const work = control.tasks.lastHeld(report.taskId);
  if (work === undefined) return false;
  if (work.attempt === report.attempt && work.outcome !== AttemptOutcome.UNSPECIFIED) {
    return work.token !== undefined && sameToken(work.token, report.token);
  }
  // It may have ended in this very transaction.
  flushRows(control);
  const [earlier] = await control.tasks.earlierTokens([{ task: work.seq, number: report.attempt }]);
  return earlier?.token !== undefined && sameToken(earlier.token, report.token);
}
