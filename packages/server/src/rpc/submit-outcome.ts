import { SpanloomError } from "@spanloom/protocol";
import type { JobRecord, SubmitOutcome } from "../store/store.ts";

/**
 * The job a submission made, or had made before.
 *
 * Errors: IDEMPOTENCY_CONFLICT naming the job that has the key; CONCURRENCY_REJECTED naming the concurrency key that is full.
 */
export function submittedJob(outcome: SubmitOutcome, key: string): { job: JobRecord; existed: boolean } {
  if (outcome.kind === "created" || outcome.kind === "existed") {
    return { job: outcome.job, existed: outcome.kind === "existed" };
  }
  if (outcome.kind === "rejected") {
    const held = `concurrency key "${outcome.key}" has all ${outcome.limit} places taken`;
    throw new SpanloomError("CONCURRENCY_REJECTED", `cannot submit job: ${held}`, { field: "concurrency" });
  }
  throw new SpanloomError(
    "IDEMPOTENCY_CONFLICT",
    `cannot submit job: idempotency key "${key}" was used with another request, for job "${outcome.jobId}"`,
    { field: "idempotency_key", metadata: { job_id: outcome.jobId } },
  );
}
