import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import {
  CancelJobResponseSchema,
  CountJobsResponseSchema,
  GetJobResponseSchema,
  GetQueueStatsResponseSchema,
  GetTaskResponseSchema,
  type IdGenerator,
  JobService,
  type Limits,
  type ListJobsRequest,
  ListJobsResponseSchema,
  type ListTasksRequest,
  ListTasksResponseSchema,
  SpanloomError,
  type SubmitJobRequest,
  type SubmitJobResponse,
  SubmitJobResponseSchema,
  type SubmitJobsRequest,
  SubmitJobsResponseSchema,
  type SubmitJobsResult,
  SubmitJobsResultSchema,
  toErrorDetail,
} from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import { boundedText, checkLimit } from "../engine/field.ts";
import { toNewJob } from "../engine/submission.ts";
import { present } from "../present.ts";
import type { NewJob, Store, SubmitOutcome } from "../store/store.ts";
import { type Log, toWireError } from "./error-interceptor.ts";
import { findJob, findJobWithOutputs } from "./find-job.ts";
import { jobAgain } from "./job-again.ts";
import type { JobChanges } from "./job-changes.ts";
import { toJob, toJobQuery, toQueueStats } from "./job-message.ts";
import { jobStreams } from "./job-watch.ts";
import { OriginDepths } from "./origin-depths.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { pageSizeField, uuidField } from "./request-field.ts";
import { type ServiceRoute, serviceRoute } from "./service-route.ts";
import { submittedJob } from "./submit-outcome.ts";
import { toTask } from "./task-message.ts";
import { readTasks } from "./task-page.ts";

/** What JobService needs. */
export interface JobServiceOptions {
  store: Store;
  clock: Clock;
  limits: Limits;
  ids: Pick<IdGenerator, "next">;
  changes: JobChanges;
  log: Log;
}

const MAX_CANCEL_REASON_BYTES = 1024;

/** JobService over a store. */
export function jobService(options: JobServiceOptions): ServiceRoute {
  const { store, limits } = options;
  const submitting = { ...options, depths: new OriginDepths(store) };
  return serviceRoute(JobService, {
    submitJob: (request) => submitJob(request, submitting),
    submitJobs: (request) => submitJobs(request, submitting),
    ...jobStreams(options),
    ...jobAgain(submitting),
    async getJob(request) {
      const jobId = uuidField("job_id", request.jobId);
      const found = request.includeOutputs
        ? findJobWithOutputs(store, jobId, limits.maxResponseBytes)
        : findJob(store, jobId);
      return create(GetJobResponseSchema, { job: toJob(await found) });
    },
    listJobs: (request) => listJobs(request, options),
    listTasks: (request) => listTasks(request, options),
    async getTask(request) {
      const task = await store.getTask(uuidField("task_id", request.taskId));
      const job = await findJob(store, task.jobId);
      return create(GetTaskResponseSchema, { task: toTask(task, job.trace.traceId) });
    },
    async cancelJob(request) {
      const reason = boundedText("reason", request.reason, MAX_CANCEL_REASON_BYTES);
      const job = await store.cancelJob(uuidField("job_id", request.jobId), reason);
      return create(CancelJobResponseSchema, { job: toJob(job) });
    },
    async countJobs(request) {
      const { states: _ignored, ...query } = toJobQuery(request.filter);
      const counts = await store.countJobs(query);
      return create(CountJobsResponseSchema, {
        counts: [...counts].map(([state, count]) => ({ state, count: BigInt(count) })),
      });
    },
    async getQueueStats(request) {
      checkLimit("queues", request.queues.length, limits.maxPageSize, "queues");
      const stats = await store.queueStats(request.queues);
      return create(GetQueueStatsResponseSchema, { queues: stats.map(toQueueStats) });
    },
  });
}

/** What the calls that submit jobs share. */
interface Submitting extends JobServiceOptions {
  depths: OriginDepths;
}

function newJob(request: SubmitJobRequest, { ids, clock, limits }: JobServiceOptions, depth = 0): NewJob {
  return toNewJob(request, { jobId: ids.next(), nowUs: clock.nowUs(), limits, depth });
}

async function submitJob(request: SubmitJobRequest, options: Submitting): Promise<SubmitJobResponse> {
  const [depth] = await options.depths.of([request.trace]);
  const [outcome] = await options.store.submitJobs([newJob(request, options, depth)]);
  return toSubmitted(outcome as SubmitOutcome, request.idempotencyKey);
}

function toSubmitted(outcome: SubmitOutcome, key: string): SubmitJobResponse {
  const { job, existed } = submittedJob(outcome, key);
  return create(SubmitJobResponseSchema, { job: toJob(job), existed });
}

/** Valid ones go to the store together; each is answered by itself, in the order of the request. */
async function submitJobs(request: SubmitJobsRequest, options: Submitting) {
  checkLimit("jobs", request.jobs.length, options.limits.maxJobsPerRequest, "jobs");
  const depths = await options.depths.of(request.jobs.map(({ trace }) => trace));
  const results: (SubmitJobsResult | undefined)[] = [];
  const accepted: { job: NewJob; at: number }[] = [];
  request.jobs.forEach((one, at) => {
    try {
      accepted.push({ job: newJob(one, options, depths[at]), at });
    } catch (error) {
      results[at] = toRefusal(error, options.log);
    }
  });
  const outcomes = accepted.length > 0 ? await options.store.submitJobs(accepted.map(({ job }) => job)) : [];
  accepted.forEach(({ job, at }, i) => {
    try {
      const value = toSubmitted(outcomes[i] as SubmitOutcome, job.idempotencyKey);
      results[at] = create(SubmitJobsResultSchema, { result: { case: "submitted", value } });
    } catch (error) {
      results[at] = toRefusal(error, options.log);
    }
  });
  return create(SubmitJobsResponseSchema, { results: results as SubmitJobsResult[] });
}

/** Any error as one job's answer; what is no SpanloomError is a defect and logged as one. */
function toRefusal(error: unknown, log: Log): SubmitJobsResult {
  const wire = toWireError(error, log, "spanloom.v1.JobService/SubmitJobs");
  const known = wire.cause instanceof SpanloomError ? wire.cause : undefined;
  return create(SubmitJobsResultSchema, {
    result: {
      case: "error",
      value: {
        code: codeToString(wire.code ?? Code.Internal),
        message: wire.rawMessage,
        ...present({ detail: known && toErrorDetail(known) }),
      },
    },
  });
}

async function listJobs(request: ListJobsRequest, { store, limits }: JobServiceOptions) {
  const limit = pageSizeField(request.pageSize, limits);
  const query = toJobQuery(request.filter);
  const after = decodePageToken(request.pageToken, "jobs", query);
  const found = await store.listJobs(query, { limit: limit + 1, ...present({ after }) });
  const page = found.slice(0, limit);
  return create(ListJobsResponseSchema, {
    jobs: page.map(toJob),
    nextPageToken: found.length > limit ? encodePageToken("jobs", query, page.at(-1)?.id ?? "") : "",
  });
}

async function listTasks(request: ListTasksRequest, { store, limits }: JobServiceOptions) {
  const limit = pageSizeField(request.pageSize, limits);
  const query = {
    jobId: uuidField("job_id", request.jobId),
    includePayloads: request.includePayloads,
    ...present({
      parentId: request.parentId ? uuidField("parent_id", request.parentId) : undefined,
      states: request.states.length > 0 ? request.states : undefined,
    }),
  };
  const after = decodePageToken(request.pageToken, "tasks", query);
  const job = await findJob(store, query.jobId);
  const { tasks, more } = await readTasks(store, query, { limit, after, maxBytes: limits.maxResponseBytes });
  return create(ListTasksResponseSchema, {
    tasks: tasks.map((task) => toTask(task, job.trace.traceId)),
    nextPageToken: more ? encodePageToken("tasks", query, tasks.at(-1)?.id ?? "") : "",
  });
}
