import { SpanloomError } from "@spanloom/protocol";
import type { JobRecord, Store } from "../store/store.ts";

/** A job by id. Errors: JOB_NOT_FOUND. */
export async function findJob(
  store: Pick<Store, "getJobs">,
  jobId: string,
  includeOutputs: boolean,
): Promise<JobRecord> {
  const [job] = await store.getJobs([jobId], { includeOutputs });
  if (job) return job;
  throw new SpanloomError("JOB_NOT_FOUND", `cannot find job: no job has id "${jobId}"`, {
    field: "job_id",
    metadata: { job_id: jobId },
  });
}
