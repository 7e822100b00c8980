import { AttemptOutcome, type TaskState } from "@spanloom/protocol";
import { sameToken } from "../../engine/lease.ts";
import { reportedClose } from "../attempt-close.ts";
import type { AttemptReport, ReportOutcome } from "../store.ts";
import { runClosings } from "./cascade.ts";
import type { Control } from "./control.ts";
import { endAttempt } from "./end-attempt.ts";

/** Ends an attempt as its runner reports it; fenced by the lease's token (I2). */
export function complete(control: Control, report: AttemptReport): ReportOutcome {
  const work = control.running.get(report.taskId);
  if (work === undefined || work.attempt !== report.attempt || !sameToken(work.token, report.token)) {
    if (!isRepeated(control, report)) return "stale";
    if (report.droppedTelemetry > 0) noteDropped(control, report);
    return "ok";
  }
  const { result } = report;
  if (result.kind === "released" && result.unknownIdentifier) {
    work.runner.refused.add(`${work.spec.name}@${work.spec.major}.${work.spec.minor}`);
  }
  endAttempt(control, work, reportedClose(work, report));
  runClosings(control);
  return "ok";
}

/** Telemetry that was given up after its attempt was reported: the same report again says how much in all. */
function noteDropped(control: Control, { taskId, attempt, droppedTelemetry }: AttemptReport): void {
  const { seq } = control.groups.find(taskId)!;
  const most = "max(coalesce(dropped, 0), ?)";
  control.db.run(`UPDATE task SET dropped = ${most} WHERE seq = ? AND attempt = ?`, droppedTelemetry, seq, attempt);
  control.db.run(`UPDATE attempt SET dropped = ${most} WHERE task = ? AND number = ?`, droppedTelemetry, seq, attempt);
  control.changes.tasks.add(taskId);
}

/** Whether this very attempt was ended by a report with this token before (I3). */
function isRepeated(control: Control, report: AttemptReport): boolean {
  const place = control.groups.find(report.taskId);
  if (place === undefined) return false;
  const [attempt, outcome, token] = control.db.row(
    "SELECT attempt, outcome, token FROM task WHERE seq = ?",
    place.seq,
  ) as [number, TaskState, Uint8Array | null];
  if (attempt === report.attempt && outcome !== AttemptOutcome.UNSPECIFIED) {
    return token !== null && sameToken(token, report.token);
  }
  const earlier = control.db.row("SELECT token FROM attempt WHERE task = ? AND number = ?", place.seq, report.attempt);
  return earlier?.[0] instanceof Uint8Array && sameToken(earlier[0], report.token);
}
