/**
 * What goes into a control-plane store and comes out of it. Plain data; see store.ts for what may be done with it.
 *
 * All times are microseconds since the Unix epoch. All ids are lower-case UUID strings.
 */

import type { AttemptOutcome, CancellationReason, JobState, RunnerState, TaskState } from "@spanloom/protocol";

/** Retry policy with every default filled in. */
export interface RetryRule {
  /** Attempts in all, the first included. */
  maxAttempts: number;
  initialDelayMs: number;
  factor: number;
  maxDelayMs: number;
  /** Random share of a delay, 0..1. */
  jitter: number;
  /** Error types that are never tried again. */
  nonRetryableTypes: readonly string[];
}

/** At most `limit` holders share a key. */
export interface ConcurrencyRule {
  key: string;
  limit: number;
  /** What happens to a newcomer when all places are taken: it waits, it also stops the longest-running holder, or it is refused. */
  policy: "wait" | "cancelRunning" | "rejectNew";
  /** Most newcomers that may wait; one more is refused. Of jobs alone. Undefined: any number. */
  maxWaiting?: number;
}

/** What set a job going, other than somebody who submitted it. */
export interface JobTrigger {
  type: "manual" | "schedule" | "event" | "webhook" | "clone";
  /** Schedule or trigger, named as it was then. A schedule that was fired by hand has the type manual. */
  source?: { kind: "schedule" | "trigger"; id: string; name: string };
  eventId?: string;
  scheduledAtUs?: number;
  backfill?: boolean;
  clonedJobId?: string;
  /** Jobs and events in a row that led to it; 0 for one that no event started. */
  depth: number;
}

/** At most `limit` attempts that share a key start in each window; windows are aligned to the epoch. */
export interface RateRule {
  key: string;
  limit: number;
  windowMs: number;
}

/** What tasks of one submission have in common; one entry serves any number of tasks. */
export interface NewTaskSpec {
  name: string;
  /** Major and minor version; a runner matches with an equal major and at least this minor. */
  major: number;
  minor: number;
  /** Undefined: the parent's queue, or the job's for roots. */
  queue?: string;
  /** Undefined: the job's priority. */
  priority?: number;
  retry: RetryRule;
  attemptTimeoutMs?: number;
  queueTimeoutMs?: number;
  startDelayMs?: number;
  optional: boolean;
  /** A place is held by each running attempt. */
  concurrency?: ConcurrencyRule;
  rateLimit?: RateRule;
}

/** What to run again of a job. */
export interface RetryRequest {
  /** Empty: every task that ended badly. */
  taskIds: readonly string[];
  /** Empty or undefined: none. */
  idempotencyKey: string | undefined;
}

/** Tasks that share one set of dependencies. */
export interface NewTaskGroup {
  /** One input per task. */
  inputs: readonly Uint8Array[];
  /** One index into specs for all tasks, or one per task. */
  specs: readonly number[];
  /** Indices of earlier groups. */
  dependsOn: readonly number[];
  /** One per task, or empty. */
  displays: readonly string[];
}

/** A validated columnar submission. */
export interface NewTaskSet {
  specs: readonly NewTaskSpec[];
  groups: readonly NewTaskGroup[];
}

/** A validated job submission. Ids are minted by the caller. */
export interface NewJob {
  id: string;
  name: string;
  tasks: NewTaskSet;
  tags: Readonly<Record<string, string>>;
  queue: string;
  priority: number;
  startAtUs?: number;
  deadlineUs?: number;
  /** Empty: none. */
  idempotencyKey: string;
  /** Hash of the request without its key; compared when the key is used again. */
  requestHash: string;
  trace: NewJobTrace;
  /** A place is held from the job's admission until it ends. */
  concurrency?: ConcurrencyRule;
  /** Undefined: somebody submitted it. */
  trigger?: JobTrigger;
}

/** Where a job's span stands among its submitter's. */
export interface NewJobTrace {
  /** 32 hex digits: the submitter's trace in mode child, else the job's own. */
  traceId: string;
  /** Parent span, 16 hex digits; empty in mode link or without a submitter. */
  parentSpanId: string;
  /**
   * A span outside the job's own that it links to: the submitter's in mode link (the default), that of the job it is a
   * clone of, or that of the firing that submitted it.
   */
  link?: { traceId: string; spanId: string; type?: "clone" | "firing" };
  /** The submitter's span, of a clone in mode link, and of a firing that was asked for. */
  submitterLink?: { traceId: string; spanId: string };
  tracestate: string;
  baggage: string;
  sampled: boolean;
}

/** What became of one submission. */
export type SubmitOutcome =
  | { kind: "created"; job: JobRecord }
  | { kind: "existed"; job: JobRecord }
  | { kind: "conflict"; jobId: string }
  | { kind: "rejected"; key: string; limit: number };

/** An error as data. */
export interface Failure {
  type: string;
  message: string;
  stack: string;
}

/** Progress under one label. */
export interface ProgressRecord {
  label: string;
  done: number;
  total: number;
}

/** Tasks of a job by state; the same keys as the protocol's TaskCounts. */
export interface TaskCounters {
  blocked: number;
  scheduled: number;
  queued: number;
  running: number;
  waiting: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  skipped: number;
}

/** A job as stored. */
export interface JobRecord {
  id: string;
  name: string;
  state: JobState;
  tags: Readonly<Record<string, string>>;
  queue: string;
  priority: number;
  counts: TaskCounters;
  attempts: number;
  progress: readonly ProgressRecord[];
  failure?: Failure;
  failedTaskId?: string;
  cancelReason?: string;
  createdAtUs: number;
  startedAtUs?: number;
  endedAtUs?: number;
  startAtUs?: number;
  deadlineUs?: number;
  idempotencyKey: string;
  trace: NewJobTrace;
  concurrency?: ConcurrencyRule;
  /** Undefined: somebody submitted it. */
  trigger?: JobTrigger;
  /** When it was run again first. */
  retriedAtUs?: number;
  /** Outputs of the roots in order; only when asked for and SUCCEEDED, and no larger together than asked for. */
  outputs?: readonly Uint8Array[];
}

/** One execution of a task. */
export interface AttemptRecord {
  number: number;
  runnerId: string;
  /** UNSPECIFIED while it runs. */
  outcome: AttemptOutcome;
  leasedAtUs: number;
  endedAtUs?: number;
  failure?: Failure;
  /** When it became ready for this attempt, and how long of the wait before was backoff. */
  queuedAtUs: number;
  backoffUs: number;
  /** Serialized OTLP span with what the code put on its attempt's span; empty when nothing. */
  spanExtras: Uint8Array;
  /** Spans and logs the runner dropped. */
  droppedTelemetry: number;
}

/** A task as stored. */
export interface TaskRecord {
  id: string;
  jobId: string;
  jobName: string;
  /** Undefined for roots. */
  parentId?: string;
  /** Number of the parent's attempt that submitted it; 0 for roots. */
  parentAttempt: number;
  name: string;
  major: number;
  minor: number;
  queue: string;
  state: TaskState;
  depth: number;
  priority: number;
  optional: boolean;
  display: string;
  /** First 1,000 dependencies, in submission order. */
  dependsOn: readonly string[];
  dependencyCount: number;
  attempts: readonly AttemptRecord[];
  /** Attempts that count against the retry policy. */
  attemptCount: number;
  maxAttempts: number;
  failure?: Failure;
  progress: readonly ProgressRecord[];
  /** Only when payloads were asked for. */
  input?: Uint8Array;
  output?: Uint8Array;
  createdAtUs: number;
  /** When dependencies were done; equals createdAtUs without any. */
  unblockedAtUs?: number;
  queuedAtUs?: number;
  startedAtUs?: number;
  endedAtUs?: number;
  scheduledAtUs?: number;
  /** Backoff before the next attempt, when one was to come; undefined after a retry of the job. */
  backoffUs?: number;
  childCount: number;
}

/** A request for work by one runner. */
export interface ClaimRequest {
  runnerId: string;
  queues: readonly string[];
  identifiers: readonly { name: string; major: number; minor: number }[];
  /** 0..1000. Fewer may be leased although more are ready, when they are large. */
  limit: number;
  leaseMs: number;
}

/** A task with a lease. */
export interface Lease {
  taskId: string;
  jobId: string;
  jobName: string;
  parentId?: string;
  name: string;
  major: number;
  minor: number;
  queue: string;
  input: Uint8Array;
  display: string;
  attempt: number;
  attemptsLeft: number;
  token: Uint8Array;
  expiresAtUs: number;
  /** Earlier of the attempt's timeout and the job's deadline. */
  deadlineUs?: number;
  trace: NewJobTrace;
  /** In submission order, with outputs when all fit in `maxInlineDependencyBytes`. */
  dependencies: readonly DependencyRecord[];
  dependenciesPaged: boolean;
}

/** What a dependency left behind. */
export interface DependencyRecord {
  taskId: string;
  name: string;
  state: TaskState;
  output: Uint8Array;
  failure?: Failure;
}

/** The end of an attempt, validated. */
export interface AttemptReport {
  taskId: string;
  attempt: number;
  token: Uint8Array;
  result: AttemptResult;
  progress: readonly ProgressRecord[];
  spanExtras: Uint8Array;
  droppedTelemetry: number;
}

/** How the attempt ended. */
export type AttemptResult =
  | { kind: "success"; output: Uint8Array; children: NewTaskSet | undefined; display: string | undefined }
  | {
      kind: "failure";
      failure: Failure;
      outcome: typeof AttemptOutcome.FAILURE | typeof AttemptOutcome.TIMEOUT | typeof AttemptOutcome.CANCELLED;
      /** Undefined: the policy decides. */
      retryable: boolean | undefined;
      retryAfterMs: number | undefined;
    }
  | { kind: "released"; unknownIdentifier: boolean };

/** What became of a report. */
export type ReportOutcome = "ok" | "stale";

/** An attempt that should stop. */
export interface CancellationRecord {
  taskId: string;
  attempt: number;
  reason: CancellationReason;
}

/** Reports and a claim that travel together, in one transaction: reports first. */
export interface Exchange {
  runnerId: string;
  reports: readonly AttemptReport[];
  claim: ClaimRequest | undefined;
}

/** The answer to an exchange. */
export interface ExchangeOutcome {
  /** One per report, in order. */
  reports: readonly ReportOutcome[];
  leases: readonly Lease[];
  /** All attempts of the runner that should stop, until they are reported. */
  cancellations: readonly CancellationRecord[];
  drain: boolean;
}

/** An attempt as its runner sees it. */
export interface RunningReport {
  taskId: string;
  attempt: number;
  token: Uint8Array;
  progress: readonly ProgressRecord[];
}

/** The answer to a heartbeat. */
export interface HeartbeatOutcome {
  extended: readonly { taskId: string; attempt: number }[];
  lost: readonly { taskId: string; attempt: number }[];
  cancelled: readonly CancellationRecord[];
  drain: boolean;
}

/** A runner as stored. */
export interface RunnerRecord {
  id: string;
  host: string;
  pid: number;
  sdkName: string;
  sdkVersion: string;
  serviceName: string;
  serviceVersion: string;
  queues: readonly string[];
  identifiers: readonly { name: string; major: number; minor: number }[];
  capacity: number;
  running: number;
  state: RunnerState;
  registeredAtUs: number;
  lastSeenAtUs: number;
}

/** Conditions on jobs; all given ones must hold. */
export interface JobQuery {
  states?: readonly JobState[];
  name?: string;
  tags?: Readonly<Record<string, string>>;
  queue?: string;
  createdAfterUs?: number;
  createdBeforeUs?: number;
  runnerId?: string;
  /** Set going by any of these; a job without a trigger is manual. */
  triggerTypes?: readonly JobTrigger["type"][];
  /** Name of the schedule that is the source of its trigger. */
  schedule?: string;
  /** Name of the trigger that is the source of its trigger. */
  trigger?: string;
}

/** Conditions on tasks of one job. */
export interface TaskQuery {
  jobId: string;
  parentId?: string;
  states?: readonly TaskState[];
  includePayloads: boolean;
}

/** A keyset page: entries after `after`, at most `limit`. */
export interface Page {
  limit: number;
  /** Id of the last entry of the page before. */
  after?: string;
}

/** What is open. */
export interface BacklogRecord {
  /** Queues that have something to show, or had since the store was opened. */
  queues: readonly Omit<QueueStatsRecord, "scheduled">[];
  /** Jobs that have not ended, by state. */
  jobs: ReadonlyMap<JobState, number>;
  /** Tasks of those that have not ended themselves, by state. */
  tasks: ReadonlyMap<TaskState, number>;
}

/** Backlog of a queue. */
export interface QueueStatsRecord {
  queue: string;
  queued: number;
  /** Those of `queued` that wait for a place under a concurrency key or for the next window of a rate limit. */
  throttled: number;
  scheduled: number;
  running: number;
  oldestQueuedAtUs?: number;
  runners: number;
}
