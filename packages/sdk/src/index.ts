// For users: tasks.

export type { ConcurrencyOptions, RateLimitOptions } from "./admission.ts";
// For other packages of Spanloom.
export { type CallRetryOptions, callWithRetry, retryDelayMs } from "./call.ts";
// For users: trace context in metadata, headers and environment variables.
export {
  activeCarrier,
  contextOfCarrier,
  createCarrier,
  createTraceparent,
  extractEnvironment,
  extractHeaders,
  extractTraceparent,
  type HeaderSource,
  injectEnvironment,
  injectHeaders,
  injectTraceparent,
  type TraceCarrier,
} from "./carrier.ts";
// For users: the client.
export { Client, type ClientOptions } from "./client.ts";
export { tracesAttemptsOnly } from "./client-spans.ts";
export { decodePayload, encodePayload } from "./codec.ts";
export {
  type AbortKind,
  AttemptAborted,
  JobFailedError,
  RetryableError,
  type RetryableErrorOptions,
  TerminalError,
} from "./errors.ts";
export type { JobCache } from "./job-cache.ts";
export {
  JobHandle,
  type JobOperations,
  type JobResult,
  type RetriedJob,
  type RetryJobOptions,
  type WaitOptions,
} from "./job-handle.ts";
export type { CloneJobEdits, Jobs, ListJobsOptions, ListTasksOptions } from "./jobs.ts";
export type { QueueSnapshot } from "./queue-snapshot.ts";
export type { RetryOptions } from "./retry.ts";
export { isSdkDisabled } from "./sdk-disabled.ts";
export {
  type AttemptOutcomeName,
  type AttemptSnapshot,
  type FailureSnapshot,
  hasEnded,
  type JobSnapshot,
  type JobStateName,
  type ProgressSnapshot,
  type TaskCountsSnapshot,
  type TaskSnapshot,
  type TaskStateName,
  taskStateName,
  toFailureSnapshot,
} from "./snapshots.ts";
export type {
  DependsOn,
  ManyOptions,
  SubmitArguments,
  SubmitOptions,
  TaskHandle,
  TaskHandles,
} from "./submission-builder.ts";
export { SubmissionBuilder, type SubmissionBuilderOptions } from "./submission-builder.ts";
export type { JobOptions, ManyJobOptions } from "./submit-request.ts";
export {
  type AnyTask,
  type InputOf,
  isTaskDefinition,
  type OutputOf,
  type TaskConfig,
  type TaskDefinition,
  type TaskOptions,
  task,
} from "./task.ts";
export type {
  ContextAbortReason,
  ContextSpanOptions,
  Dependency,
  LogAttributes,
  LogEntry,
  LogSeverity,
  TaskContext,
  TaskLog,
} from "./task-context.ts";
export { type Connection, type ConnectionOptions, connect, DEFAULT_URL, toCallError } from "./transport.ts";
