import { AttemptOutcome, TaskState } from "@spanloom/protocol";
import { sameToken } from "../../engine/lease.ts";
import { reportedClose } from "../attempt-close.ts";
import type { AttemptReport, ReportOutcome } from "../store.ts";
import { type Control, flushRows } from "./control.ts";
import { endAttempt } from "./end-attempt.ts";
import { settleEnds, settleRefusing } from "./follow-up.ts";
import type { RunnerWork } from "./runner-table.ts";
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
  if (work === undefined) return (await isRepeated(control, report)) ? "ok" : "stale";
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
