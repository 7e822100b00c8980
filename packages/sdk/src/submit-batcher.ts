import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type Client as RpcClient } from "@connectrpc/connect";
import {
  defaultLimits,
  ErrorDetailSchema,
  fromConnectError,
  type Job,
  type JobService,
  SpanloomError,
  type SubmitJobError,
  type SubmitJobRequest,
  SubmitJobsRequestSchema,
} from "@spanloom/protocol";
import { type CallRetryOptions, callWithRetry } from "./call.ts";
import { chunksOf } from "./chunks.ts";

/**
 * Gathers submissions made at the same time into one request.
 *
 * I1. A submission waits for nothing but the end of the current turn of the event loop, so a single one is not delayed;
 *     one made while requests are out goes out at once too, with all others made in the same turn.
 * I2. Every submission carries an idempotency key, so repeating a request never makes a second job.
 * I3. One refused job never spoils the others of its request.
 */
export class SubmitBatcher {
  readonly #service: RpcClient<typeof JobService>;
  readonly #url: string;
  readonly #retry: CallRetryOptions;
  #pending: PendingSubmit[] = [];
  #scheduled = false;

  constructor(service: RpcClient<typeof JobService>, url: string, retry: CallRetryOptions = {}) {
    this.#service = service;
    this.#url = url;
    this.#retry = retry;
  }

  /** Submits one job; `bytes` is about what it adds to a request. */
  submit(request: SubmitJobRequest, bytes: number): Promise<Job> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ request, bytes, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    this.#scheduled = false;
    const pending = this.#pending;
    this.#pending = [];
    const bounds = { maxCount: defaultLimits.maxJobsPerRequest, maxBytes: MAX_CHUNK_BYTES };
    for (const chunk of chunksOf(pending, bounds))
      void (chunk.length === 1 ? this.#sendOne(chunk[0]!) : this.#sendMany(chunk));
  }

  async #sendOne(pending: PendingSubmit): Promise<void> {
    try {
      const call = (options: object) => this.#service.submitJob(pending.request, options);
      const { job } = await callWithRetry(this.#url, call, this.#retry);
      settle(pending, job);
    } catch (error) {
      pending.reject(error);
    }
  }

  async #sendMany(chunk: readonly PendingSubmit[]): Promise<void> {
    try {
      const request = create(SubmitJobsRequestSchema, { jobs: chunk.map((pending) => pending.request) });
      const call = (options: object) => this.#service.submitJobs(request, options);
      const { results } = await callWithRetry(this.#url, call, this.#retry);
      chunk.forEach((pending, index) => {
        const result = results[index]?.result;
        if (result?.case === "error") pending.reject(toSubmitError(result.value));
        else settle(pending, result?.value?.job);
      });
    } catch (error) {
      for (const pending of chunk) pending.reject(error);
    }
  }
}

interface PendingSubmit {
  request: SubmitJobRequest;
  bytes: number;
  resolve(job: Job): void;
  reject(error: unknown): void;
}

/** Bytes of one request; a quarter of what a server reads, so that estimates may be wrong. */
const MAX_CHUNK_BYTES = defaultLimits.maxRequestBytes / 4;

function settle(pending: PendingSubmit, job: Job | undefined): void {
  if (job) pending.resolve(job);
  else
    pending.reject(
      new SpanloomError("INTERNAL", `cannot submit job "${pending.request.name}": the server answered without a job`),
    );
}

function toSubmitError(error: SubmitJobError): SpanloomError {
  const details = error.detail ? [{ desc: ErrorDetailSchema, value: error.detail }] : [];
  return fromConnectError(new ConnectError(error.message, Code.Internal, undefined, details));
}
