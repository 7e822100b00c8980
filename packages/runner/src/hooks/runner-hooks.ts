import type { Outcome } from "@spanloom/protocol";
import type { TraceCarrier } from "@spanloom/sdk";

/**
 * Told of what a runner runs, for tracers and notifiers of one's own.
 *
 * A method that is not there is not called. What one returns may be a promise; nobody waits for it but a runner that
 * stops. Errors: what a method throws, or rejects with, is logged the first time and counted; it concerns no task.
 *
 * Concurrency: calls come in the order of events, after the results they tell of have been sent, outside of any attempt's
 * context; a call does not wait for the promise of the one before.
 */
export interface RunnerHooks {
  /** A root task of a job begins its first attempt, the first that this runner is given. */
  onJobStart?(event: JobStartEvent): unknown;
  /** The code of an attempt begins. */
  onTaskStart?(event: TaskStartEvent): unknown;
  /** The code of an attempt has ended, or is not waited for any longer. */
  onTaskEnd?(event: TaskEndEvent): unknown;
  /**
   * A job has ended in which this runner had a part, or which nobody began and whose queue it serves; some half a second
   * ago. One of the runners with this hook is told. It comes again when the job ends anew, after a retry.
   */
  onJobEnd?(event: JobEndEvent): unknown;
}

/** Where something stands in its trace. */
export interface EventTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** The span of what the event is about, the one that the server stores; 16 hex digits. */
  readonly spanId: string;
  /** Its parent; undefined for a job without a submitter's span. */
  readonly parentSpanId: string | undefined;
  /** The context of that span, for `injectHeaders`, `contextOfCarrier` and the option `trace` of a submission. */
  readonly carrier: TraceCarrier;
}

/** A job has begun. */
export interface JobStartEvent {
  readonly jobId: string;
  readonly jobName: string;
  /** Queue of the task that began it. */
  readonly queue: string;
  readonly runnerId: string;
  /** Epoch milliseconds with their fraction, by the runner's clock. */
  readonly startTimeMs: number;
  /** The job's span; its parent is not known to runners. */
  readonly trace: EventTrace;
}

/** An attempt has begun. */
export interface TaskStartEvent {
  readonly jobId: string;
  readonly jobName: string;
  readonly taskId: string;
  readonly taskName: string;
  /** `major.minor`. */
  readonly taskVersion: string;
  /** The task whose attempt submitted this one; undefined for roots. */
  readonly parentTaskId: string | undefined;
  readonly queue: string;
  readonly runnerId: string;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Attempts left after this one, by the retry policy. */
  readonly attemptsLeft: number;
  /** Epoch milliseconds with their fraction, by the runner's clock. */
  readonly startTimeMs: number;
  /** The attempt's span, below that of its task. */
  readonly trace: EventTrace;
}

/** An attempt has ended. */
export interface TaskEndEvent extends TaskStartEvent {
  /** Epoch milliseconds with their fraction, by the runner's clock. */
  readonly endTimeMs: number;
  /**
   * How: `lost` when the server has given the task to another runner, `released` when this one gave it back. Of one that
   * was told to stop for a timeout or a cancellation it is that.
   */
  readonly outcome: Exclude<Outcome, "skipped">;
  /** What the code threw. */
  readonly error: EventError | undefined;
}

/** A job has ended. */
export interface JobEndEvent {
  readonly jobId: string;
  readonly jobName: string;
  /** The job's own queue. */
  readonly queue: string;
  /** Epoch milliseconds with their fraction, by the server's clock: when it was submitted. */
  readonly startTimeMs: number;
  /** As `startTimeMs`: when its last task ended. */
  readonly endTimeMs: number;
  readonly outcome: Outcome;
  /** Why it failed. */
  readonly error: EventError | undefined;
  /** The job's span. */
  readonly trace: EventTrace;
}

/** An error as data. */
export interface EventError {
  readonly type: string;
  readonly message: string;
  /** Empty where it is not known. */
  readonly stack: string;
}
