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

import type { JobState, RunnerState } from "@spanloom/protocol";
import type { ExportCursors } from "./export-cursors.ts";
import type { Peers } from "./peers.ts";
import type {
  BacklogRecord,
  DependencyRecord,
  Exchange,
  ExchangeOutcome,
  HeartbeatOutcome,
  JobQuery,
  JobRecord,
  NewJob,
  Page,
  QueueStatsRecord,
  RunnerRecord,
  RunningReport,
  SubmitOutcome,
  TaskQuery,
  TaskRecord,
} from "./records.ts";
import type { StoreStats } from "./store-stats.ts";
import type { TriggerStore } from "./trigger-store.ts";

export type { ExportCursors, KeptExporter, TakenExporter } from "./export-cursors.ts";
export type { Peers } from "./peers.ts";
export type {
  AttemptRecord,
  AttemptReport,
  AttemptResult,
  BacklogRecord,
  CancellationRecord,
  ClaimRequest,
  ConcurrencyRule,
  DependencyRecord,
  Exchange,
  ExchangeOutcome,
  Failure,
  HeartbeatOutcome,
  JobQuery,
  JobRecord,
  JobTrigger,
  Lease,
  NewJob,
  NewJobTrace,
  NewTaskGroup,
  NewTaskSet,
  NewTaskSpec,
  Page,
  ProgressRecord,
  QueueStatsRecord,
  RateRule,
  ReportOutcome,
  RetryRequest,
  RetryRule,
  RunnerRecord,
  RunningReport,
  SubmitOutcome,
  TaskCounters,
  TaskQuery,
  TaskRecord,
} from "./records.ts";

export type {
  DefinitionKind,
  DefinitionQuery,
  DefinitionRecord,
  EventQuery,
  EventRecord,
  EventSettlement,
  FiringOutcomeName,
  FiringQuery,
  FiringRecord,
  NewDefinition,
  NewEventRecord,
  NewFiring,
  ScheduleFirings,
  TriggerNews,
  TriggerStore,
  UnmatchedEvents,
} from "./trigger-store.ts";

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
  /**
   * Of stores that servers share: what was read after a commit has a higher version than all that was read before it, on
   * whatever server. Absent when one server alone reads.
   */
  version?: number;
}

/**
 * Signals a store raises. Listeners must be quick and must not throw.
 *
 * `ready`, `ended`, `cancelled` and `due` are also raised, outside any transaction, for what another server on the same
 * record brought about.
 */
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
  /** After commit by another server on the same record: jobs that changed. Their spans are that server's to project. */
  elsewhere: (jobIds: ReadonlySet<string>) => void;
  /** Signals from other servers may have been missed: anything may have changed. */
  missed: () => void;
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
  /** Other servers on the same record; absent when there can be none. */
  readonly peers?: Peers;
  /** What it counted since it was made. */
  readonly stats: StoreStats;
  /** Exporters that the servers on the same record serve in turns; absent when there can be none. */
  readonly exportCursors?: ExportCursors;
  /** Schedules, triggers, webhooks and events. */
  readonly triggers: TriggerStore;
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
  /**
   * Runs failed, cancelled and skipped tasks of an ended job again, all of them or the named ones; finished work is kept.
   * JOB_NOT_FOUND; TASK_NOT_FOUND for a task that is not the job's; INVALID_STATE when the job has not ended, a named task
   * did not end badly, or there is nothing to run again.
   *
   * A call under a key that the job was retried under before changes nothing, and is answered again.
   */
  retryJob(
    jobId: string,
    taskIds: readonly string[],
    idempotencyKey?: string,
  ): Promise<{ job: JobRecord; retried: number }>;
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

  /** A job's own part as it was submitted, with its root tasks; what a clone is made from. JOB_NOT_FOUND. */
  readSubmission(jobId: string): Promise<NewJob>;
  /** States of jobs by id; unknown ids are left out. */
  jobStates(ids: readonly string[]): Promise<ReadonlyMap<string, JobState>>;
  /** Jobs by id, in no order; unknown ids are left out, and so are the outputs of a job that has more bytes of them. */
  getJobs(
    ids: readonly string[],
    options: { includeOutputs: boolean; maxOutputBytes?: number },
  ): Promise<readonly JobRecord[]>;
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
  /** What is open, for metrics: without looking through jobs and tasks one by one, as somebody asks every few seconds. */
  backlog(): Promise<BacklogRecord>;
  /** Backlog by queue; all queues when none are named. */
  queueStats(queues: readonly string[]): Promise<readonly QueueStatsRecord[]>;

  /** Everything lifecycle spans of these jobs and tasks are made from. */
  readLifecycle(jobIds: Iterable<string>, taskIds: Iterable<string>): Promise<LifecycleBatch>;
  /** Jobs whose final spans are not known to be stored, oldest first: unfinished ones and those a crash interrupted. */
  unprojectedJobs(limit: number, after?: string): Promise<readonly string[]>;
  /** Task ids of a job in creation order, for projecting it whole. */
  taskIds(jobId: string, page: Page): Promise<readonly string[]>;
  /**
   * Remembers that the final spans of these jobs are stored: `ends` tells when each ended as its spans tell it. One that is
   * open, or ended again since, stays as it is.
   */
  markProjected(ends: ReadonlyMap<string, number>): Promise<void>;
}
