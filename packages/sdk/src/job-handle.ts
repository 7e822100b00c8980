import { JobFailedError } from "./errors.ts";
import type { JobSnapshot } from "./snapshots.ts";

/** A job that has ended, with the output of its root when it succeeded. */
export type JobResult<Output = unknown> = JobSnapshot & { output?: Output };

/** How long to wait. */
export interface WaitOptions {
  /** Give up after this long; the job goes on. Default: never. */
  timeoutMs?: number;
  /** Gives up when it fires; the job goes on. */
  signal?: AbortSignal;
}

/** Which tasks of a job to run again. */
export interface RetryJobOptions {
  /** Ids of tasks; at most 1,000. Default: every failed, cancelled or skipped one. */
  tasks?: readonly string[];
}

/** A job that runs again. */
export interface RetriedJob {
  job: JobSnapshot;
  /** How many tasks run again. */
  retried: number;
}

/** What a handle needs of {@link Jobs}. */
export interface JobOperations {
  /** Waits until the job has ended. */
  wait(jobId: string, options?: WaitOptions): Promise<JobResult>;
  /** Streams the job as it changes. */
  watch(jobId: string, options?: { signal?: AbortSignal }): AsyncIterable<JobSnapshot>;
  /** Cancels the job. */
  cancel(jobId: string, reason?: string): Promise<JobSnapshot>;
  /** Runs tasks of the ended job again. */
  retry(jobId: string, options?: RetryJobOptions): Promise<RetriedJob>;
}

/** A submitted job. Holds nothing open: letting it go costs nothing, and `client.jobs` does the same by id. */
export class JobHandle<Output = unknown> {
  readonly #jobs: JobOperations;
  readonly #outputOf: (job: JobSnapshot) => Output;
  /** The job, a UUIDv7. */
  readonly id: string;
  /** The job as it stood when it was submitted. */
  readonly submitted: JobSnapshot;

  constructor(jobs: JobOperations, submitted: JobSnapshot, outputOf: (job: JobSnapshot) => Output) {
    this.#jobs = jobs;
    this.#outputOf = outputOf;
    this.id = submitted.id;
    this.submitted = submitted;
  }

  /** Name of the job. */
  get name(): string {
    return this.submitted.name;
  }

  /** Trace its spans are in, 32 hex digits. */
  get traceId(): string {
    return this.submitted.traceId;
  }

  /** Waits until the job has ended, well or badly. */
  async wait(options?: WaitOptions): Promise<JobResult<Output>> {
    const job = await this.#jobs.wait(this.id, options);
    return job.state === "SUCCEEDED" ? { ...job, output: this.#outputOf(job) } : (job as JobResult<Output>);
  }

  /** Waits for the job and returns its output. Errors: JobFailedError when it did not succeed. */
  async result(options?: WaitOptions): Promise<Output> {
    const job = await this.#jobs.wait(this.id, options);
    if (job.state !== "SUCCEEDED") throw new JobFailedError(job);
    return this.#outputOf(job);
  }

  /** Streams the job as it changes; ends after the state that ended it. */
  watch(options?: { signal?: AbortSignal }): AsyncIterable<JobSnapshot> {
    return this.#jobs.watch(this.id, options);
  }

  /** Cancels the job; returns it as it then stands. */
  cancel(reason?: string): Promise<JobSnapshot> {
    return this.#jobs.cancel(this.id, reason);
  }

  /** Runs failed, cancelled and skipped tasks of the job again, once it has ended; see {@link Jobs.retry}. */
  retry(options?: RetryJobOptions): Promise<RetriedJob> {
    return this.#jobs.retry(this.id, options);
  }
}
