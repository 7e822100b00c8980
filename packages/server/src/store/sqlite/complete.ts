import { AttemptOutcome, type TaskState } from "@spanloom/protocol";
import { sameToken } from "../../engine/lease.ts";
import type { AttemptEnd } from "../../engine/settle.ts";
import type { AttemptReport, ReportOutcome } from "../store.ts";
import { runClosings } from "./cascade.ts";
import type { Control } from "./control.ts";
import { endAttempt } from "./end-attempt.ts";

const NO_BYTES = new Uint8Array(0);

/** Ends an attempt as its runner reports it; fenced by the lease's token (I2). */
export function complete(control: Control, report: AttemptReport): ReportOutcome {
  const work = control.running.get(report.taskId);
  if (work === undefined || work.attempt !== report.attempt || !sameToken(work.token, report.token)) {
    return isRepeated(control, report) ? "ok" : "stale";
  }
  const { result } = report;
  if (result.kind === "released" && result.unknownIdentifier) {
    work.runner.refused.add(`${work.spec.name}@${work.spec.major}.${work.spec.minor}`);
  }
  const success = result.kind === "success" ? result : undefined;
  endAttempt(control, work, {
    end: toAttemptEnd(report),
    output: success?.output ?? NO_BYTES,
    children: success?.children,
    display: success?.display,
    progress: report.progress.length === 0 ? work.progress : report.progress,
    spanExtras: report.spanExtras,
    droppedTelemetry: report.droppedTelemetry,
    reported: true,
  });
  runClosings(control);
  return "ok";
}

function toAttemptEnd({ result }: AttemptReport): AttemptEnd {
  switch (result.kind) {
    case "success":
      return { kind: "success", hasChildren: result.children !== undefined };
    case "failure":
      return result;
    case "released":
      return { kind: "released" };
  }
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
