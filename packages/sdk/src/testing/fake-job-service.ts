import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport, type Transport } from "@connectrpc/connect";
import {
  type CloneJobRequest,
  type Job,
  type JobFilter,
  JobSchema,
  JobService,
  JobState,
  SpanloomError,
  type SubmitJobRequest,
  SubmitJobRequestSchema,
  type SubmitJobResponse,
  SubmitJobResponseSchema,
  type SubmitJobsResult,
  SubmitJobsResultSchema,
  TaskFailureSchema,
  TaskSchema,
  TaskState,
  toConnectError,
  toErrorDetail,
} from "@spanloom/protocol";

/** A server's jobs in memory, as far as the client's tests need them; counts the calls it gets. */
export class FakeJobService {
  readonly jobs = new Map<string, Job>();
  readonly requests: SubmitJobRequest[] = [];
  readonly clones: CloneJobRequest[] = [];
  /** Conditions of the lists asked for. */
  readonly filters: (JobFilter | undefined)[] = [];
  /** Keys of the retries asked for. */
  readonly retryKeys: string[] = [];
  /** Outputs of jobs that are only to be had task by task. */
  readonly largeOutputs = new Map<string, readonly unknown[]>();
  readonly calls: Record<string, number> = {};
  readonly headers: Headers[] = [];
  /** Thrown by the next calls, in order. */
  failures: unknown[] = [];
  readonly #byKey = new Map<string, Job>();
  #changed: (() => void)[] = [];

  /** A transport that reaches this service. */
  readonly transport: Transport = createRouterTransport((router) =>
    router.service(JobService, {
      submitJob: (request, { requestHeader }) => {
        this.headers.push(requestHeader);
        return this.#counted("submitJob", () => this.#submit(request));
      },
      submitJobs: (request) =>
        this.#counted("submitJobs", () => ({ results: request.jobs.map((job) => this.#submitOne(job)) })),
      getJob: ({ jobId, includeOutputs }) =>
        this.#counted("getJob", () => {
          const tooLarge = includeOutputs && this.largeOutputs.has(jobId);
          if (tooLarge) throw new SpanloomError("LIMIT_EXCEEDED", "cannot return the outputs: they are too large");
          return { job: this.#get(jobId) };
        }),
      listJobs: ({ filter, pageSize, pageToken }) =>
        this.#counted("listJobs", () => {
          this.filters.push(filter);
          const all = [...this.jobs.values()].reverse();
          const from = Number(pageToken || 0);
          const next = from + pageSize < all.length ? String(from + pageSize) : "";
          return { jobs: all.slice(from, from + pageSize), nextPageToken: next };
        }),
      waitJobs: async (request, { signal }) => {
        this.#count("waitJobs");
        const ended = () =>
          request.jobIds.map((id) => this.jobs.get(id)).filter((job) => job && job.state >= 4) as Job[];
        const unknownJobIds = request.jobIds.filter((id) => !this.jobs.has(id));
        while (ended().length === 0 && unknownJobIds.length === 0) {
          await new Promise<void>((resolve) => {
            this.#changed.push(resolve);
            signal.addEventListener("abort", () => resolve());
          });
          signal.throwIfAborted();
        }
        return { jobs: ended(), unknownJobIds };
      },
      watchJob: ({ jobId }) => this.#watch(jobId),
      listTasks: ({ jobId, pageToken }) =>
        this.#counted("listTasks", () => {
          const at = Number(pageToken || 0);
          const outputs = this.largeOutputs.get(jobId) ?? [];
          const parentId = at < outputs.length ? "" : "a root";
          const task = create(TaskSchema, { jobId, parentId, state: TaskState.SUCCEEDED, output: encode(outputs[at]) });
          return { tasks: [task], nextPageToken: String(at + 1) };
        }),
      retryJob: ({ jobId, taskIds, idempotencyKey }) =>
        this.#counted("retryJob", () => {
          const job = this.#get(jobId);
          const isRepeated = this.retryKeys.includes(idempotencyKey);
          this.retryKeys.push(idempotencyKey);
          if (isRepeated) return { job, retried: BigInt(taskIds.length || 7) };
          if (job.state < JobState.SUCCEEDED) throw new SpanloomError("INVALID_STATE", "cannot retry job: it runs");
          job.state = JobState.RUNNING;
          job.outputs = [];
          return { job, retried: BigInt(taskIds.length || 7) };
        }),
      cloneJob: (request) =>
        this.#counted("cloneJob", () => {
          this.clones.push(request);
          const { jobId, name, idempotencyKey, tasks } = request;
          const submission = { name: name || this.#get(jobId).name, idempotencyKey, ...(tasks && { tasks }) };
          return { job: this.#submit(create(SubmitJobRequestSchema, submission)).job! };
        }),
      cancelJob: ({ jobId }) =>
        this.#counted("cancelJob", () => {
          this.end(jobId, { state: JobState.CANCELLED });
          return { job: this.#get(jobId) };
        }),
    }),
  );

  /** Ends a job. */
  end(jobId: string, change: { state: JobState; output?: unknown; failure?: string }): void {
    const job = this.#get(jobId);
    job.state = change.state;
    const leftOut = change.state !== JobState.SUCCEEDED || this.largeOutputs.has(jobId);
    job.outputs = leftOut ? [] : [encode(change.output)];
    if (change.failure) job.failure = create(TaskFailureSchema, { type: "Error", message: change.failure });
    const changed = this.#changed;
    this.#changed = [];
    for (const resolve of changed) resolve();
  }

  /** Streams a job; every other stream breaks after its first message. */
  async *#watch(jobId: string) {
    this.#count("watchJob");
    const breaks = (this.calls.watchJob ?? 0) % 2 === 1;
    for (;;) {
      const job = this.#get(jobId);
      const { state } = job;
      yield { job };
      if (breaks) throw new ConnectError("the stream broke", Code.Unavailable);
      if (state >= JobState.SUCCEEDED) return;
      if (job.state === state) await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  #submitOne(request: SubmitJobRequest): SubmitJobsResult {
    try {
      return create(SubmitJobsResultSchema, { result: { case: "submitted", value: this.#submit(request) } });
    } catch (error) {
      const known = error as SpanloomError;
      const value = { code: "invalid_argument", message: known.message, detail: toErrorDetail(known) };
      return create(SubmitJobsResultSchema, { result: { case: "error", value } });
    }
  }

  #submit(request: SubmitJobRequest): SubmitJobResponse {
    this.requests.push(request);
    if (request.name === "refused") throw new SpanloomError("INVALID_FIELD", "cannot submit job: it is refused");
    const known = this.#byKey.get(request.idempotencyKey);
    if (known) return create(SubmitJobResponseSchema, { job: known, existed: true });
    const id = `job-${this.jobs.size + 1}`;
    const queue = request.queue || "default";
    const job = create(JobSchema, { id, name: request.name, queue, state: JobState.QUEUED });
    this.jobs.set(job.id, job);
    this.#byKey.set(request.idempotencyKey, job);
    return create(SubmitJobResponseSchema, { job });
  }

  #get(jobId: string): Job {
    const job = this.jobs.get(jobId);
    if (!job) throw new SpanloomError("JOB_NOT_FOUND", `cannot find job "${jobId}"`);
    return job;
  }

  #counted<Response>(name: string, serve: () => Response): Response {
    this.#count(name);
    try {
      const response = serve();
      // The answer is lost after the work was done: what retries must survive.
      if (this.failures.length > 0) throw this.failures.shift();
      return response;
    } catch (error) {
      throw toConnectError(error);
    }
  }

  #count(name: string): void {
    this.calls[name] = (this.calls[name] ?? 0) + 1;
  }
}

function encode(output: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(output === undefined ? "" : JSON.stringify(output));
}
