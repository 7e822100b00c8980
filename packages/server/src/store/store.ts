/**
 * The control plane's record of jobs, tasks, attempts and runners, and the only place they change.
 *
 * I1. Every write is atomic and durable before its promise resolves (P7).
 * I2. A task is leased to at most one attempt at a time; a lease is named by (task, attempt, token) and only its
 *     holder can end, extend or add children to the attempt.
 * I3. An attempt ends exactly once. The same result again is answered as the first time.
 * I4. A job's counters, a group's and a parent's remaining counts always equal what a scan would find.
 * I5. Writes asked for while a transaction is open or about to open join it: many requests, one commit.
 * I6. A lease asked for by an `onReady` listener joins the transaction that made the tasks ready.
 *
 * All times are microseconds since the Unix epoch. All ids are lower-case UUID strings. The caller validates requests
 * with engine/submission before it calls; the store trusts shapes and checks states.
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
}

/** Where a job's span stands among its submitter's. */
export interface NewJobTrace {
  /** 32 hex digits: the submitter's trace in mode child, else the job's own. */
  traceId: string;
  /** Parent span, 16 hex digits; empty in mode link or without a submitter. */
  parentSpanId: string;
  /** The submitter's span as a link target, in mode link. */
  link?: { traceId: string; spanId: string };
  tracestate: string;
  baggage: string;
  sampled: boolean;
}

/** What became of one submission. */
export type SubmitOutcome =
  | { kind: "created"; job: JobRecord }
  | { kind: "existed"; job: JobRecord }
  | { kind: "conflict"; jobId: string };

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
  /** Outputs of the roots in order; only when asked for and SUCCEEDED. */
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

/** Backlog of a queue. */
export interface QueueStatsRecord {
  queue: string;
  queued: number;
  scheduled: number;
  running: number;
  oldestQueuedAtUs?: number;
  runners: number;
}

/** What a maintenance pass did and when the next is due. */
export interface MaintenanceOutcome {
  /** Attempts whose lease had expired and are now lost. */
  lost: number;
  /** Tasks that left SCHEDULED. */
  woken: number;
  /** Attempts fenced because cancellation, timeout or deadline was ignored past the grace period. */
  fenced: number;
  /** Time of the next lease expiry, wake-up, deadline or fence; undefined when nothing is pending. */
  nextDueUs: number | undefined;
}

/** What a lifecycle projection needs of one job and some of its tasks. */
export interface LifecycleBatch {
  jobs: readonly JobRecord[];
  /** With attempts and dependencies, without payloads; only of `jobs`. */
  tasks: readonly TaskRecord[];
}

/** Signals a store raises. Listeners must be quick and must not throw. */
export interface StoreEvents {
  /** Inside the transaction (I6): how many tasks became ready, by queue. */
  ready: (queues: ReadonlyMap<string, number>) => void;
  /** After commit: jobs that changed at all, and tasks whose lifecycle spans changed, as `[jobId, taskId]` ids. */
  changed: (jobIds: ReadonlySet<string>, taskIds: ReadonlySet<string>) => void;
  /** After commit: jobs that ended. */
  ended: (jobIds: ReadonlySet<string>) => void;
  /** After commit: runners that have an attempt to stop, or are to drain. */
  cancelled: (runnerIds: ReadonlySet<string>) => void;
  /** After commit: something is due earlier than any maintenance announced so far. */
  due: (atUs: number) => void;
}

/**
 * The control-plane store.
 *
 * Shape: promises resolve after commit (I1); reads see every commit that resolved before they were called.
 * Errors: STORE_UNAVAILABLE (transient), OVERLOADED when the disk is full, INTERNAL for defects. A rejected write left
 * no trace. JOB_NOT_FOUND / TASK_NOT_FOUND where a method says so.
 * Concurrency: every method may be called at any time from any number of requests.
 */
export interface Store {
  /** Opens and migrates. Throws INVALID_STATE, naming the cause, when the data is locked, read-only or from a newer version. */
  start(): Promise<void>;
  /** Finishes what was asked for and closes. Safe to call twice. */
  stop(): Promise<void>;
  /** Subscribes to a signal; returns how to unsubscribe. */
  on<Name extends keyof StoreEvents>(name: Name, listener: StoreEvents[Name]): () => void;

  /** Submits jobs, each by itself. */
  submitJobs(jobs: readonly NewJob[]): Promise<readonly SubmitOutcome[]>;
  /** Ends attempts, then leases tasks, in one transaction. A claim that finds nothing answers at once with none. */
  exchange(exchange: Exchange): Promise<ExchangeOutcome>;
  /** Extends leases and records progress. */
  heartbeat(runnerId: string, running: readonly RunningReport[], leaseMs: number): Promise<HeartbeatOutcome>;
  /** Cancels a job: JOB_NOT_FOUND when there is none; a job that has ended is returned as it is. */
  cancelJob(jobId: string, reason: string): Promise<JobRecord>;
  /** Ends expired leases as lost, wakes scheduled tasks, enforces timeouts and deadlines: at most `limit` of each. */
  maintain(limit: number): Promise<MaintenanceOutcome>;

  /** Records a runner, or what changed of it. */
  registerRunner(runner: Omit<RunnerRecord, "running" | "state" | "registeredAtUs" | "lastSeenAtUs">): Promise<void>;
  /** Marks a runner stopped and releases its leases. */
  unregisterRunner(runnerId: string): Promise<void>;
  /** Lists runners, newest first. */
  listRunners(query: { states?: readonly RunnerState[]; queue?: string }, page: Page): Promise<readonly RunnerRecord[]>;
  /** Marks a runner draining. RUNNER_NOT_FOUND when there is none. */
  drainRunner(runnerId: string): Promise<void>;

  /** Jobs by id, in no order; unknown ids are left out. */
  getJobs(ids: readonly string[], options: { includeOutputs: boolean }): Promise<readonly JobRecord[]>;
  /** Jobs, newest first. */
  listJobs(query: JobQuery, page: Page): Promise<readonly JobRecord[]>;
  /** Jobs by state. */
  countJobs(query: JobQuery): Promise<ReadonlyMap<JobState, number>>;
  /** Tasks in the order they were created. JOB_NOT_FOUND when there is no such job. */
  listTasks(query: TaskQuery, page: Page): Promise<readonly TaskRecord[]>;
  /** One task with payloads. TASK_NOT_FOUND when there is none. */
  getTask(taskId: string): Promise<TaskRecord>;
  /** Outputs of a leased task's dependencies from `offset` on, at most `limit` and `maxBytes`. STALE_LEASE without the lease. */
  dependencyOutputs(
    lease: { taskId: string; attempt: number; token: Uint8Array },
    range: { offset: number; limit: number; maxBytes: number },
  ): Promise<{ dependencies: readonly DependencyRecord[]; nextOffset: number | undefined }>;
  /** Backlog by queue; all queues when none are named. */
  queueStats(queues: readonly string[]): Promise<readonly QueueStatsRecord[]>;

  /** Everything lifecycle spans of these jobs and tasks are made from. */
  readLifecycle(jobIds: Iterable<string>, taskIds: Iterable<string>): Promise<LifecycleBatch>;
  /** Jobs whose final spans are not known to be stored, oldest first: unfinished ones and those a crash interrupted. */
  unprojectedJobs(limit: number, after?: string): Promise<readonly string[]>;
  /** Task ids of a job in creation order, for projecting it whole. */
  taskIds(jobId: string, page: Page): Promise<readonly string[]>;
  /** Remembers that the final spans of these ended jobs are stored. */
  markProjected(jobIds: readonly string[]): Promise<void>;
}
