import { create } from "@bufbuild/protobuf";
import {
  type CloneJobRequest,
  type CloneJobResponse,
  CloneJobResponseSchema,
  type IdGenerator,
  type Limits,
  type RetryJobRequest,
  type RetryJobResponse,
  RetryJobResponseSchema,
} from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import { toClonedJob } from "../engine/clone-job.ts";
import { boundedText, checkLimit } from "../engine/field.ts";
import type { Store, SubmitOutcome } from "../store/store.ts";
import { findJob } from "./find-job.ts";
import { toJob } from "./job-message.ts";
import type { OriginDepths } from "./origin-depths.ts";
import { uuidField } from "./request-field.ts";
import { submittedJob } from "./submit-outcome.ts";

/** What running jobs again needs. */
export interface JobAgainOptions {
  store: Pick<Store, "retryJob" | "readSubmission" | "getJobs" | "submitJobs">;
  clock: Clock;
  limits: Limits;
  ids: Pick<IdGenerator, "next">;
  depths: OriginDepths;
}

/** The calls that run a job again: RetryJob and CloneJob. */
export function jobAgain(options: JobAgainOptions) {
  return {
    retryJob: (request: RetryJobRequest) => retryJob(request, options),
    cloneJob: (request: CloneJobRequest) => cloneJob(request, options),
  };
}

async function retryJob(request: RetryJobRequest, { store, limits }: JobAgainOptions): Promise<RetryJobResponse> {
  const jobId = uuidField("job_id", request.jobId);
  checkLimit("task_ids", request.taskIds.length, limits.maxPageSize, "ids");
  const taskIds = new Set(request.taskIds.map((id, i) => uuidField(`task_ids[${i}]`, id)));
  const key = boundedText("idempotency_key", request.idempotencyKey, limits.maxNameBytes);
  const { job, retried } = await store.retryJob(jobId, [...taskIds], key);
  return create(RetryJobResponseSchema, { job: toJob(job), retried: BigInt(retried) });
}

async function cloneJob(
  request: CloneJobRequest,
  { store, clock, limits, ids, depths }: JobAgainOptions,
): Promise<CloneJobResponse> {
  const [depth = 0] = await depths.of([request.trace]);
  const original = await findJob(store, uuidField("job_id", request.jobId));
  const submission = await store.readSubmission(original.id);
  const context = { jobId: ids.next(), nowUs: clock.nowUs(), limits, depth };
  const clone = toClonedJob(request, { submission, createdAtUs: original.createdAtUs }, context);
  const [outcome] = await store.submitJobs([clone]);
  return create(CloneJobResponseSchema, {
    job: toJob(submittedJob(outcome as SubmitOutcome, clone.idempotencyKey).job),
  });
}
