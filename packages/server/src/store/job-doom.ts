import { CancellationReason } from "@spanloom/protocol";
import type { JobWork } from "./job-work.ts";
import type { Failure } from "./records.ts";

/** Why a job will not go on. */
export interface JobDoom {
  doom: "failed" | "cancelled";
  failure: Failure | undefined;
  failedTaskId: string | undefined;
  cancelReason: string | undefined;
  /** What running attempts are told. */
  stop: CancellationReason;
}

/** The doom of a job that was cancelled. */
export function cancelledBecause(cancelReason: string): JobDoom {
  const stop = CancellationReason.JOB_CANCELLED;
  return { doom: "cancelled", failure: undefined, failedTaskId: undefined, cancelReason, stop };
}

/** Marks a job as doomed; what follows for its tasks is the caller's. */
export function markDoomed(job: JobWork, { doom, failure, failedTaskId, cancelReason }: JobDoom): void {
  Object.assign(job, { doom, failure, failedTaskId, cancelReason });
}
