import type { Client as RpcClient } from "@connectrpc/connect";
import { defaultLimits, durationFromMs, type Job, type JobService, SpanloomError } from "@spanloom/protocol";
import { type CallRetryOptions, callWithRetry } from "./call.ts";

/**
 * Waits for any number of jobs with as few long polls as can be.
 *
 * I1. Every job waited for is in exactly one poll, or about to be put into one.
 * I2. Jobs added in one turn of the event loop join one poll; when {@link MAX_POLLS} are out, the smallest is replaced
 *     by one that includes the new jobs, so a client has a bounded number of requests open.
 * I3. A job is answered once; waiting again for an ended job asks the server again.
 * I4. A server that is away delays answers and loses none.
 */
export class JobWaiter {
  readonly #service: RpcClient<typeof JobService>;
  readonly #url: string;
  readonly #retry: CallRetryOptions;
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #polls = new Set<Poll>();
  #unassigned: string[] = [];
  #scheduled = false;
  #closed = false;

  constructor(service: RpcClient<typeof JobService>, url: string, retry: CallRetryOptions = {}) {
    this.#service = service;
    this.#url = url;
    this.#retry = { ...retry, maxAttempts: Number.POSITIVE_INFINITY };
  }

  /**
   * Resolves with the job once it has ended, outputs included.
   *
   * Errors: JOB_NOT_FOUND; the signal's reason when it fires first.
   */
  wait(jobId: string, signal?: AbortSignal): Promise<Job> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError(jobId));
      if (signal?.aborted) return reject(signal.reason);
      const waiting: Waiting = { resolve, reject, forget: () => undefined };
      if (signal) {
        const onAbort = (): void => this.#giveUp(jobId, waiting, signal);
        signal.addEventListener("abort", onAbort, { once: true });
        waiting.forget = () => signal.removeEventListener("abort", onAbort);
      }
      const others = this.#waiting.get(jobId);
      if (others) others.push(waiting);
      else {
        this.#waiting.set(jobId, [waiting]);
        this.#unassigned.push(jobId);
        this.#schedule(0);
      }
    });
  }

  /** Rejects everything still waited for. Safe to call twice. */
  close(): void {
    this.#closed = true;
    for (const poll of this.#polls) poll.abort.abort(closedError("any"));
    for (const jobId of [...this.#waiting.keys()]) this.#fail(jobId, closedError(jobId));
  }

  #giveUp(jobId: string, waiting: Waiting, signal: AbortSignal): void {
    const left = this.#waiting.get(jobId)?.filter((other) => other !== waiting) ?? [];
    if (left.length > 0) this.#waiting.set(jobId, left);
    else this.#waiting.delete(jobId);
    waiting.reject(signal.reason);
    this.#dropIdlePolls();
  }

  /** A poll whose jobs nobody waits for any longer would keep the process alive for nothing. */
  #dropIdlePolls(): void {
    for (const poll of this.#polls) {
      if (!poll.jobIds.some((jobId) => this.#waiting.has(jobId))) this.#cancel(poll);
    }
  }

  #schedule(delayMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const flush = (): void => {
      this.#scheduled = false;
      this.#assign();
    };
    if (delayMs < 1) setImmediate(flush);
    else setTimeout(flush, delayMs);
  }

  #assign(): void {
    if (this.#unassigned.length > 0 && this.#polls.size >= MAX_POLLS) this.#mergeSmallest();
    const jobIds = this.#unassigned.filter((jobId) => this.#waiting.has(jobId));
    this.#unassigned = [];
    for (let at = 0; at < jobIds.length; at += defaultLimits.maxPageSize)
      void this.#poll({ jobIds: jobIds.slice(at, at + defaultLimits.maxPageSize), abort: new AbortController() });
  }

  #mergeSmallest(): void {
    const smallest = [...this.#polls].reduce((a, b) => (b.jobIds.length < a.jobIds.length ? b : a));
    this.#unassigned.push(...smallest.jobIds);
    this.#cancel(smallest);
  }

  #cancel(poll: Poll): void {
    this.#polls.delete(poll);
    poll.abort.abort();
  }

  async #poll(poll: Poll): Promise<void> {
    this.#polls.add(poll);
    const request = { jobIds: poll.jobIds, wait: durationFromMs(WAIT_MS), includeOutputs: true };
    try {
      const { jobs, unknownJobIds } = await callWithRetry(
        this.#url,
        (options) => this.#service.waitJobs(request, { ...options, timeoutMs: WAIT_MS + GRACE_MS }),
        { ...this.#retry, signal: poll.abort.signal },
      );
      for (const job of jobs) this.#resolve(job);
      for (const jobId of unknownJobIds) this.#fail(jobId, unknownJob(jobId));
    } catch (error) {
      // A cancelled poll's jobs are in another one, or nobody waits for them.
      if (poll.abort.signal.aborted) return;
      for (const jobId of poll.jobIds) this.#fail(jobId, error);
    }
    // Nothing of a cancelled poll is put back: its jobs were handed on.
    if (!this.#polls.delete(poll)) return;
    const left = poll.jobIds.filter((jobId) => this.#waiting.has(jobId));
    this.#unassigned.push(...left);
    if (left.length > 0) this.#schedule(left.length / JOBS_PER_MS);
  }

  #resolve(job: Job): void {
    const waiting = this.#waiting.get(job.id);
    this.#waiting.delete(job.id);
    for (const one of waiting ?? []) {
      one.forget();
      one.resolve(job);
    }
  }

  #fail(jobId: string, error: unknown): void {
    const waiting = this.#waiting.get(jobId);
    this.#waiting.delete(jobId);
    for (const one of waiting ?? []) {
      one.forget();
      one.reject(error);
    }
  }
}

interface Waiting {
  resolve(job: Job): void;
  reject(error: unknown): void;
  forget(): void;
}

interface Poll {
  jobIds: string[];
  abort: AbortController;
}

/** Polls open at once. More would only cost the server more to wake. */
const MAX_POLLS = 4;

/** How long the server holds a poll. */
const WAIT_MS = 20_000;

/** How much longer the call's deadline is than the wait. */
const GRACE_MS = 10_000;

/**
 * A poll over many jobs is repeated later, so that its answers come in batches: asking again for 1,000 jobs after each
 * single one ended would cost a million ids; 5 ms are not felt by someone who waits for 1,000 jobs.
 */
const JOBS_PER_MS = 200;

function unknownJob(jobId: string): SpanloomError {
  return new SpanloomError("JOB_NOT_FOUND", `cannot wait for job "${jobId}": no job has this id`, { field: "job_ids" });
}

function closedError(jobId: string): SpanloomError {
  return new SpanloomError("SHUTTING_DOWN", `cannot wait for job "${jobId}": the client was closed`);
}
