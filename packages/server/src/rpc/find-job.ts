import { JobState, SpanloomError } from "@spanloom/protocol";
import type { JobRecord, Store } from "../store/store.ts";

/** A job by id; without outputs when `maxOutputBytes` is absent or they are larger together. Errors: JOB_NOT_FOUND. */
export async function findJob(
  store: Pick<Store, "getJobs">,
  jobId: string,
  maxOutputBytes?: number,
): Promise<JobRecord> {
  const outputs = maxOutputBytes === undefined ? { includeOutputs: false } : { includeOutputs: true, maxOutputBytes };
  const [job] = await store.getJobs([jobId], outputs);
  if (job) return job;
  throw new SpanloomError("JOB_NOT_FOUND", `cannot find job: no job has id "${jobId}"`, {
    field: "job_id",
    metadata: { job_id: jobId },
  });
}

/** A job by id with its outputs. Errors: JOB_NOT_FOUND; LIMIT_EXCEEDED when the outputs are larger together. */
export async function findJobWithOutputs(
  store: Pick<Store, "getJobs">,
  jobId: string,
  maxOutputBytes: number,
): Promise<JobRecord> {
  const job = await findJob(store, jobId, maxOutputBytes);
  if (job.state !== JobState.SUCCEEDED || job.outputs !== undefined) return job;
  const message = `cannot return the outputs of job "${jobId}": they have more than ${maxOutputBytes} bytes together; page through ListTasks with include_payloads, which lists the roots first`;
  throw new SpanloomError("LIMIT_EXCEEDED", message, { field: "include_outputs", limit: maxOutputBytes });
}
