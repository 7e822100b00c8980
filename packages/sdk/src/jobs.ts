import { setTimeout as sleep } from "node:timers/promises";
import { type CallOptions, createClient, type Client as RpcClient } from "@connectrpc/connect";
import { type Job, JobService, SpanloomError, TaskState } from "@spanloom/protocol";
import { type Caller, type CallRetryOptions, callerOf, retryDelayMs } from "./call.ts";
import type { TraceCarrier } from "./carrier.ts";
import { type ClientCall, type ClientSpan, ClientSpans } from "./client-spans.ts";
import { cloneInputs } from "./clone-inputs.ts";
import { type ListJobsOptions, toJobFilter } from "./job-filter.ts";
import { JobHandle, type JobResult, type RetriedJob, type RetryJobOptions, type WaitOptions } from "./job-handle.ts";
import { JobWaiter } from "./job-waiter.ts";
import { listPages } from "./list-pages.ts";
import { type QueueSnapshot, toQueueSnapshot } from "./queue-snapshot.ts";
import { withOutputs } from "./root-outputs.ts";
import {
  hasEnded,
  type JobSnapshot,
  type JobStateName,
  jobStateName,
  type TaskSnapshot,
  type TaskStateName,
  toJobSnapshot,
  toTaskSnapshot,
} from "./snapshots.ts";
import { SubmissionBuilder, type SubmitArguments } from "./submission-builder.ts";
import { givenTrace, tagsWithoutTrace } from "./submission-trace.ts";
import { SubmitBatcher } from "./submit-batcher.ts";
import { type JobOptions, type ManyJobOptions, rootOf, SubmitRequests, traceFields } from "./submit-request.ts";
import type { TaskDefinition } from "./task.ts";
import { type Connection, toCallError } from "./transport.ts";

/** Which tasks of a job to list. */
export interface ListTasksOptions {
  /** Only direct children of this task. */
  parentId?: string;
  /** Any of these states. */
  states?: readonly TaskStateName[];
  /** Whether inputs and outputs come along, decoded. Default false. */
  payloads?: boolean;
  /** Most tasks to return. Default: all. */
  limit?: number;
}

/** What a clone has that its original has not. */
export interface CloneJobEdits {
  /** Name of the new job. Default: that of the original. */
  name?: string;
  /** Tags that replace those of the same name or are added. */
  tags?: Record<string, string>;
  /**
   * Inputs that replace those of roots, by their place among them, 0 being the first; what else these were submitted with
   * stays. Not together with `build`.
   */
  inputs?: Readonly<Record<number, unknown>>;
  /** Submits roots that replace those of the original. */
  build?: (roots: Pick<SubmissionBuilder, "submit" | "submitMany">) => void;
  /** The same key and edits again return the clone made before. Default: a new random key. */
  idempotencyKey?: string;
  /** Whether its span is a child of whoever clones, or starts a trace of its own linked to them. Default `child`. */
  traceMode?: "child" | "link" | undefined;
  /** Trace context of whoever clones, as of a submission. */
  trace?: TraceCarrier | false;
}

/** How jobs are asked for. */
export interface JobsOptions {
  /** When a call that failed for a passing reason is made again. */
  retry?: CallRetryOptions | undefined;
  /** Whether calls make spans in the caller's trace. Default true. */
  tracing?: boolean | undefined;
}

/** Submits jobs and tells what became of them. Made by a {@link Client}. */
export class Jobs {
  readonly #service: RpcClient<typeof JobService>;
  readonly #url: string;
  readonly #retry: CallRetryOptions;
  readonly #call: Caller;
  readonly #requests: SubmitRequests;
  readonly #batcher: SubmitBatcher;
  readonly #waiter: JobWaiter;
  readonly #spans: ClientSpans;

  constructor(connection: Connection, { retry = {}, tracing }: JobsOptions = {}) {
    this.#service = createClient(JobService, connection.transport);
    this.#url = connection.url;
    this.#retry = retry;
    this.#call = callerOf(connection.url, retry);
    this.#requests = new SubmitRequests();
    this.#batcher = new SubmitBatcher(this.#service, connection.url, retry);
    this.#waiter = new JobWaiter(this.#service, connection.url, retry);
    this.#spans = new ClientSpans(connection.url, tracing);
  }

  /**
   * Submits one job with one root task, and resolves once the server has made it durable.
   *
   * The job's parent is the span of the submission, below the active one, where the application has a tracer provider;
   * else the active OpenTelemetry span. Repeated on transient errors; the idempotency
   * key, made here unless given, keeps that from making a second job.
   *
   * Errors: INVALID_FIELD, LIMIT_EXCEEDED (caller); IDEMPOTENCY_CONFLICT; STORE_UNAVAILABLE after five tries.
   */
  async submit<Input, Output>(
    task: TaskDefinition<Input, Output>,
    ...[input, options = {}]: SubmitArguments<Input, JobOptions>
  ): Promise<JobHandle<Output>> {
    return this.#submitTraced(task, input as Input, options);
  }

  /**
   * Submits one job per input, in as few requests as can be; resolves when all are durable.
   *
   * One span stands for all of them, unless `spans` says otherwise. A job that is refused spoils no other: once all have
   * been answered it rejects with the first refusal.
   */
  async submitMany<Input, Output>(
    task: TaskDefinition<Input, Output>,
    inputs: readonly Input[],
    options: ManyJobOptions = {},
  ): Promise<JobHandle<Output>[]> {
    const { displays, idempotencyKeys, spans = "batch", ...common } = options;
    checkOnePerInput("displays", displays, inputs.length);
    checkOnePerInput("idempotencyKeys", idempotencyKeys, inputs.length);
    const optionsOf = (index: number): JobOptions => ({
      ...common,
      ...(displays && { display: displays[index]! }),
      ...(idempotencyKeys && { idempotencyKey: idempotencyKeys[index]! }),
    });
    if (inputs.length === 0) return [];
    if (spans === "each")
      return allSubmitted(inputs.map((input, index) => this.#submitTraced(task, input, optionsOf(index))));
    return this.#spans.trace({ ...submitCall(options), count: inputs.length }, (span) =>
      allSubmitted(inputs.map((input, index) => this.#submit(task, input, within(span, optionsOf(index))))),
    );
  }

  /**
   * Submits one job with several root tasks: `build` submits them, with dependencies among them, as a task's code does.
   *
   * The result is the outputs of the roots, in order.
   */
  async compose(
    name: string,
    build: (roots: Pick<SubmissionBuilder, "submit" | "submitMany">) => void,
    options: JobOptions = {},
  ): Promise<JobHandle<unknown[]>> {
    return this.#spans.trace(submitCall(options), async (span) => {
      const builder = new SubmissionBuilder();
      build(builder);
      if (builder.count === 0)
        throw new SpanloomError("INVALID_FIELD", `cannot submit job "${name}": it has no tasks`, { field: "tasks" });
      const request = this.#requests.make(builder, name, within(span, options));
      const job = await this.#batcher.submit(request, builder.inputBytes + BYTES_PER_JOB);
      span?.found(job);
      return this.#handle(job, (snapshot) => (snapshot.outputs ?? []) as unknown[]);
    });
  }

  /** Returns a job, outputs of its roots included. Errors: JOB_NOT_FOUND. */
  async get(jobId: string): Promise<JobSnapshot> {
    try {
      return await this.#get(jobId, true);
    } catch (error) {
      if (!(error instanceof SpanloomError) || error.reason !== "LIMIT_EXCEEDED") throw error;
      // The outputs are too large for one answer.
      return this.#withOutputs(await this.#get(jobId, false));
    }
  }

  /** Lists jobs, newest first, page by page as they are read. */
  list({ limit = Number.POSITIVE_INFINITY, ...conditions }: ListJobsOptions = {}): AsyncGenerator<JobSnapshot> {
    const filter = toJobFilter(conditions);
    return listPages(limit, async (page) => {
      const call = (options: CallOptions) => this.#service.listJobs({ filter, ...page }, options);
      const { jobs, nextPageToken } = await this.#call(call);
      return { items: jobs.map(toJobSnapshot), nextPageToken };
    });
  }

  /** Lists a job's tasks in the order they were created, page by page as they are read. */
  tasks(jobId: string, options: ListTasksOptions = {}): AsyncGenerator<TaskSnapshot> {
    const { limit = Number.POSITIVE_INFINITY, payloads = false, parentId = "", states = [] } = options;
    const wanted = { jobId, parentId, states: states.map((state) => TaskState[state]), includePayloads: payloads };
    return listPages(limit, async (page) => {
      const call = (options: CallOptions) => this.#service.listTasks({ ...wanted, ...page }, options);
      const { tasks, nextPageToken } = await this.#call(call);
      return { items: tasks.map((task) => toTaskSnapshot(task, payloads)), nextPageToken };
    });
  }

  /** Returns a task with its attempts, input and output. Errors: TASK_NOT_FOUND. */
  async task(taskId: string): Promise<TaskSnapshot> {
    const { task } = await this.#call((options) => this.#service.getTask({ taskId }, options));
    if (task) return toTaskSnapshot(task, true);
    throw new SpanloomError("INTERNAL", `cannot read task "${taskId}": the server answered without it`);
  }

  /** Counts jobs by state; states without jobs are left out. */
  async count(options: Omit<ListJobsOptions, "states" | "limit"> = {}): Promise<Partial<Record<JobStateName, number>>> {
    const filter = toJobFilter(options);
    const { counts } = await this.#call((callOptions) => this.#service.countJobs({ filter }, callOptions));
    return Object.fromEntries(counts.map(({ state, count }) => [jobStateName(state), Number(count)]));
  }

  /** The backlog of the queues named, or of all that have had tasks. */
  async queues(...names: string[]): Promise<QueueSnapshot[]> {
    const { queues } = await this.#call((options) => this.#service.getQueueStats({ queues: names }, options));
    return queues.map(toQueueSnapshot);
  }

  /** Waits until a job, or each of several, has ended; outputs of the roots are included. */
  wait(jobId: string, options?: WaitOptions): Promise<JobResult>;
  wait(jobIds: readonly string[], options?: WaitOptions): Promise<JobResult[]>;
  wait(jobs: string | readonly string[], options: WaitOptions = {}): Promise<JobResult | JobResult[]> {
    if (typeof jobs === "string") return this.#waitOne(jobs, options);
    return Promise.all(jobs.map((jobId) => this.#waitOne(jobId, options)));
  }

  /**
   * Streams a job as it changes, starting with how it stands; ends after the state that ended it.
   *
   * A broken stream is opened again, so a state may come twice. Outputs too large for one answer are left out: see `get`.
   */
  async *watch(jobId: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<JobSnapshot> {
    for (let failures = 0; ; ) {
      try {
        for await (const snapshot of this.#watchOnce(jobId, options.signal)) {
          failures = 0;
          yield snapshot;
          if (hasEnded(snapshot.state)) return;
        }
        failures++;
      } catch (cause) {
        options.signal?.throwIfAborted();
        const error = toCallError(cause, this.#url);
        if (!error.retryable || ++failures >= MAX_WATCH_FAILURES) throw error;
      }
      await sleep(retryDelayMs(failures, NO_ANSWER, this.#retry), undefined, options);
    }
  }

  /** Cancels a job; returns it as it then stands. One that has ended is left as it is. Errors: JOB_NOT_FOUND. */
  async cancel(jobId: string, reason = ""): Promise<JobSnapshot> {
    return this.#spans.trace({ operation: "cancel", jobId }, async (span) => {
      const { job } = await this.#call((options) => this.#service.cancelJob({ jobId, reason }, options));
      if (job) span?.found(job);
      return this.#snapshot(job, jobId);
    });
  }

  /**
   * Runs failed, cancelled and skipped tasks of an ended job again, all of them or those named and what never ran for want
   * of them. Finished work is kept; the job's deadline does not apply again.
   *
   * Repeated on transient errors under one idempotency key, so that a lost answer does no harm.
   *
   * Errors: JOB_NOT_FOUND, TASK_NOT_FOUND; INVALID_STATE when the job has not ended or there is nothing to run again.
   */
  async retry(jobId: string, { tasks = [] }: RetryJobOptions = {}): Promise<RetriedJob> {
    const request = { jobId, taskIds: [...tasks], idempotencyKey: this.#requests.newKey() };
    return this.#spans.trace({ operation: "retry", jobId }, async (span) => {
      const { job, retried } = await this.#call((options) => this.#service.retryJob(request, options));
      if (job) span?.found(job);
      return { job: this.#snapshot(job, jobId), retried: Number(retried) };
    });
  }

  /**
   * Submits a new job from another's roots, with edits. Its span links to that of the original, and is in the caller's
   * trace, as of a submission.
   *
   * It starts now and has as long as the original had. Errors: JOB_NOT_FOUND; those of `submit`.
   */
  async clone(jobId: string, edits: CloneJobEdits = {}): Promise<JobHandle<unknown>> {
    const { name = "", tags = {}, build, traceMode } = edits;
    const idempotencyKey = edits.idempotencyKey ?? this.#requests.newKey();
    const roots = build && new SubmissionBuilder();
    if (roots) build(roots);
    if (roots?.count === 0)
      throw new SpanloomError("INVALID_FIELD", `cannot clone job "${jobId}": the new roots are none`, {
        field: "tasks",
      });
    return this.#spans.trace({ operation: "clone", trace: givenTrace(edits) }, async (span) => {
      const request = {
        jobId,
        name,
        tags: tagsWithoutTrace(tags),
        idempotencyKey,
        ...(roots && { tasks: roots.build() }),
        ...(edits.inputs && { inputs: cloneInputs(jobId, edits.inputs) }),
        ...traceFields(span ? { traceMode, trace: span.carrier } : edits),
      };
      const { job } = await this.#call((options) => this.#service.cloneJob(request, options));
      if (!job) throw new SpanloomError("INTERNAL", `cannot clone job "${jobId}": the server answered without a job`);
      span?.found(job);
      return this.#handle(job, (snapshot) => snapshot.output);
    });
  }

  /** Ends all waiting. Called by the client's close(). */
  close(): void {
    this.#waiter.close();
  }

  #submitTraced<Input, Output>(
    task: TaskDefinition<Input, Output>,
    input: Input,
    options: JobOptions,
  ): Promise<JobHandle<Output>> {
    return this.#spans.trace(submitCall(options), async (span) => {
      const handle = await this.#submit(task, input, within(span, options));
      span?.found(handle.submitted);
      return handle;
    });
  }

  async #submit<Input, Output>(
    task: TaskDefinition<Input, Output>,
    input: Input,
    options: JobOptions,
  ): Promise<JobHandle<Output>> {
    const builder = rootOf(task, input, options);
    const request = this.#requests.make(builder, options.name ?? task.name, options);
    const job = await this.#batcher.submit(request, builder.inputBytes + BYTES_PER_JOB);
    return this.#handle(job, (snapshot) => snapshot.output as Output);
  }

  #handle<Output>(job: Job, outputOf: (snapshot: JobSnapshot) => Output): JobHandle<Output> {
    return new JobHandle(this, toJobSnapshot(job), outputOf);
  }

  async #waitOne(jobId: string, { timeoutMs, signal }: WaitOptions): Promise<JobResult> {
    const signals = [
      ...(signal ? [signal] : []),
      ...(timeoutMs === undefined ? [] : [timeoutSignal(jobId, timeoutMs)]),
    ];
    const job = await this.#waiter.wait(jobId, signals.length > 0 ? AbortSignal.any(signals) : undefined);
    return this.#withOutputs(toJobSnapshot(job));
  }

  async #get(jobId: string, includeOutputs: boolean): Promise<JobSnapshot> {
    const { job } = await this.#call((options) => this.#service.getJob({ jobId, includeOutputs }, options));
    return this.#snapshot(job, jobId);
  }

  #withOutputs(job: JobSnapshot): Promise<JobSnapshot> {
    return withOutputs(job, () => this.tasks(job.id, { payloads: true }));
  }

  async *#watchOnce(jobId: string, signal: AbortSignal | undefined): AsyncGenerator<JobSnapshot> {
    const stop = new AbortController();
    const signals = [stop.signal, AbortSignal.timeout(WATCH_MS), ...(signal ? [signal] : [])];
    try {
      // Connect's own deadline timer outlives a stream that is left early, and keeps the process alive; ours does not.
      const call = { signal: AbortSignal.any(signals), timeoutMs: 0 };
      for await (const { job } of this.#service.watchJob({ jobId }, call)) yield this.#snapshot(job, jobId);
    } finally {
      // A stream that is left early would stay open.
      stop.abort();
    }
  }

  #snapshot(job: Job | undefined, jobId: string): JobSnapshot {
    if (job) return toJobSnapshot(job);
    throw new SpanloomError("INTERNAL", `cannot read job "${jobId}": the server answered without it`);
  }
}

/** A stream is renewed after this long; every call has a deadline. */
const WATCH_MS = 600_000;

/** Streams in a row that may break without a message before watching gives up. */
const MAX_WATCH_FAILURES = 5;

/** Stands for a stream that ended before the job did; only its backoff matters. */
const NO_ANSWER = new SpanloomError("STORE_UNAVAILABLE", "the stream ended before the job did");

/** About what a job adds to a request besides its inputs. */
const BYTES_PER_JOB = 512;

/** The call that submits with these options. */
function submitCall(options: Omit<JobOptions, "idempotencyKey">): ClientCall {
  return { operation: "submit", destination: options.queue || "default", trace: givenTrace(options) };
}

/** The options of a submission within the span of its call. */
function within(span: ClientSpan | undefined, options: JobOptions): JobOptions {
  return span ? { ...options, trace: span.carrier } : options;
}

/** What all submissions gave, once every one was answered; rejects as the first in order that failed. */
async function allSubmitted<Result>(submissions: Promise<Result>[]): Promise<Result[]> {
  // While one is under way its span, and that of the batch, must not end.
  await Promise.allSettled(submissions);
  return Promise.all(submissions);
}

function checkOnePerInput(field: string, values: readonly string[] | undefined, inputs: number): void {
  if (!values || values.length === inputs) return;
  const message = `cannot submit jobs: ${values.length} ${field} for ${inputs} inputs, must be one for each`;
  throw new SpanloomError("INVALID_FIELD", message, { field });
}

function timeoutSignal(jobId: string, timeoutMs: number): AbortSignal {
  const controller = new AbortController();
  const message = `cannot wait for job "${jobId}": it has not ended within ${timeoutMs} ms`;
  setTimeout(() => controller.abort(new SpanloomError("DEADLINE_EXCEEDED", message)), timeoutMs).unref();
  return controller.signal;
}
