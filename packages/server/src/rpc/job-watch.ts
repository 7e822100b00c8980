import { create } from "@bufbuild/protobuf";
import {
  JobState,
  type Limits,
  SpanloomError,
  type WaitJobsRequest,
  type WaitJobsResponse,
  WaitJobsResponseSchema,
  type WatchJobRequest,
  type WatchJobResponse,
  WatchJobResponseSchema,
} from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import { checkLimit, invalidField } from "../engine/field.ts";
import { isJobEnded } from "../engine/states.ts";
import type { JobRecord, Store } from "../store/store.ts";
import type { CallContext } from "./call-context.ts";
import { findJob } from "./find-job.ts";
import type { JobChanges } from "./job-changes.ts";
import { toJob } from "./job-message.ts";
import { uuidField, waitMsField } from "./request-field.ts";
import { waitSignal } from "./wait-signal.ts";

/** What following jobs needs. */
export interface JobWatchOptions {
  store: Pick<Store, "getJobs" | "jobStates">;
  clock: Clock;
  limits: Limits;
  changes: JobChanges;
}

/** A watched job is sent at most this often, so that a wide job does not flood its watchers; its end is sent at once. */
const MIN_INTERVAL_MS = 50;

/** The calls that follow jobs: WatchJob and WaitJobs. */
export function jobStreams(options: JobWatchOptions) {
  return {
    watchJob: (request: WatchJobRequest, context: CallContext) => watchJob(request, context, options),
    waitJobs: (request: WaitJobsRequest, context: CallContext) => waitJobs(request, context, options),
  };
}

async function* watchJob(
  request: WatchJobRequest,
  { signal }: CallContext,
  { store, clock, limits, changes }: JobWatchOptions,
): AsyncGenerator<WatchJobResponse> {
  const jobId = uuidField("job_id", request.jobId);
  const changed = changes.watch("changed", [jobId]);
  const ended = changes.watch("ended", [jobId]);
  try {
    for (;;) {
      const job = await findJob(store, jobId, limits.maxResponseBytes);
      yield create(WatchJobResponseSchema, { job: toJob(job) });
      if (isJobEnded(job.state)) return;
      using pause = waitSignal(clock, MIN_INTERVAL_MS, signal);
      if ((await ended.next(pause.signal)).length > 0) continue;
      if ((await changed.next(signal)).length === 0) throw stopped(jobId);
    }
  } finally {
    changed.close();
    ended.close();
  }
}

/** A stream that ended without an error would be taken for the end of the job. */
function stopped(jobId: string): SpanloomError {
  return new SpanloomError("SHUTTING_DOWN", `cannot watch job "${jobId}" any longer: the call was ended`);
}

async function waitJobs(
  request: WaitJobsRequest,
  context: CallContext,
  { store, clock, limits, changes }: JobWatchOptions,
): Promise<WaitJobsResponse> {
  if (request.jobIds.length === 0) throw invalidField("job_ids", "is empty: name at least one job");
  checkLimit("job_ids", request.jobIds.length, limits.maxPageSize, "ids");
  const jobIds = [...new Set(request.jobIds.map((id, i) => uuidField(`job_ids[${i}]`, id)))];
  const waitMs = waitMsField(request.wait, limits, context.timeoutMs());
  const watch = changes.watch("ended", jobIds);
  const read = { includeOutputs: request.includeOutputs, store, maxBytes: limits.maxResponseBytes };
  try {
    using wait = waitSignal(clock, waitMs, context.signal);
    const states = await store.jobStates(jobIds);
    const unknownJobIds = jobIds.filter((id) => !states.has(id));
    const mayWait = unknownJobIds.length === 0 && waitMs > 0;
    let ended: readonly string[] = jobIds.filter((id) => isJobEnded(states.get(id)!));
    for (;;) {
      // A job that was retried since it ended is waited for again.
      const answer = await readEnded(ended, read);
      if (answer.length > 0 || !mayWait || wait.signal.aborted) {
        return create(WaitJobsResponseSchema, { jobs: answer.map(toJob), unknownJobIds });
      }
      ended = await watch.next(wait.signal);
    }
  } finally {
    watch.close();
  }
}

interface ReadEndedOptions {
  includeOutputs: boolean;
  store: Pick<Store, "getJobs">;
  maxBytes: number;
}

/**
 * Those of the jobs that have ended, as many as fit into one answer, but at least one; the next call answers the others
 * at once. Outputs of a job that would not fit into an answer by themselves are left out.
 */
async function readEnded(
  ids: readonly string[],
  { includeOutputs, store, maxBytes }: ReadEndedOptions,
): Promise<readonly JobRecord[]> {
  if (ids.length === 0) return [];
  if (!includeOutputs) return (await store.getJobs(ids, { includeOutputs })).filter(hasEnded);
  const answer: JobRecord[] = [];
  let bytes = 0;
  for await (const job of readWithOutputs(ids, store, maxBytes)) {
    if (!hasEnded(job)) continue;
    for (const output of job.outputs ?? []) bytes += output.length;
    if (bytes > maxBytes && answer.length > 0) break;
    answer.push(job);
  }
  return answer;
}

/** Jobs read together, at most this many, and their outputs when they are no larger. */
const READ_TOGETHER = { jobs: 64, maxOutputBytes: 16 * 1024 };

/** Jobs with outputs; those with large ones are read one by one, so that few outputs are ever in memory. */
async function* readWithOutputs(ids: readonly string[], store: Pick<Store, "getJobs">, maxBytes: number) {
  const small = Math.min(READ_TOGETHER.maxOutputBytes, maxBytes);
  for (let from = 0; from < ids.length; from += READ_TOGETHER.jobs) {
    const some = ids.slice(from, from + READ_TOGETHER.jobs);
    for (const job of await store.getJobs(some, { includeOutputs: true, maxOutputBytes: small })) {
      if (job.state !== JobState.SUCCEEDED || job.outputs !== undefined || small === maxBytes) yield job;
      else yield* await store.getJobs([job.id], { includeOutputs: true, maxOutputBytes: maxBytes });
    }
  }
}

function hasEnded({ state }: JobRecord): boolean {
  return isJobEnded(state);
}
