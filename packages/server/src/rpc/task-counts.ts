import type { TaskFailure, TaskResult } from "@spanloom/protocol";
import type { CheckedResult } from "../engine/report.ts";
import type { Failure, ReportOutcome } from "../store/store.ts";

/** What the calls of runners refuse, cut and give back; read by metrics. */
export class TaskCounts {
  staleResults = 0;
  invalidResults = 0;
  cutResults = 0;
  /** Leases given back, as whoever asked for them was gone. */
  returnedLeases = 0;

  /** Notes what became of one result. */
  result({ outcome }: TaskResult, checked: CheckedResult, reported: ReportOutcome | undefined): void {
    if (checked.error) this.invalidResults++;
    else if (reported === "stale") this.staleResults++;
    const kept = checked.report?.result;
    if (kept?.kind === "failure" && outcome.case === "failure" && isCut(outcome.value.failure, kept.failure))
      this.cutResults++;
  }
}

function isCut(sent: TaskFailure | undefined, kept: Failure): boolean {
  return sent !== undefined && (kept.message.length < sent.message.length || kept.stack.length < sent.stack.length);
}
