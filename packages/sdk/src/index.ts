// For users: tasks.

export type { ConcurrencyOptions, JobConcurrencyOptions, RateLimitOptions } from "./admission.ts";
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
export type { DurationValue } from "./duration.ts";
export {
  type AbortKind,
  AttemptAborted,
  JobFailedError,
  RetryableError,
  type RetryableErrorOptions,
  TerminalError,
} from "./errors.ts";
export type { JobCache } from "./job-cache.ts";
export type { ListJobsOptions } from "./job-filter.ts";
export {
  JobHandle,
  type JobOperations,
  type JobResult,
  type RetriedJob,
  type RetryJobOptions,
  type WaitOptions,
} from "./job-handle.ts";
export type { CloneJobEdits, Jobs, ListTasksOptions } from "./jobs.ts";
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
export type { JobTriggerSnapshot, TriggerTypeName } from "./trigger-snapshot.ts";
// For users: schedules, triggers, events and webhooks.
export type { DefinitionSnapshot } from "./triggers/definition-snapshot.ts";
export type { EventSnapshot, EventSourceName } from "./triggers/event-snapshot.ts";
export type { EventToPublish } from "./triggers/event-to-publish.ts";
export type {
  EventConditions,
  Events,
  ListEventsOptions,
  PublishedEvents,
  PublishManyOptions,
  PublishOptions,
  ReplayOptions,
} from "./triggers/events.ts";
export type { FiringOutcomeName, FiringSnapshot, ListFiringsOptions } from "./triggers/firing-snapshot.ts";
export type { TemplateOptions, TemplateRoots, TemplateTask } from "./triggers/job-template.ts";
export type {
  OverlapPolicyName,
  ScheduleBehavior,
  ScheduledTask,
  ScheduleOptions,
} from "./triggers/schedule-options.ts";
export type { ScheduleSnapshot } from "./triggers/schedule-snapshot.ts";
export type {
  CalendarTimes,
  RepeatedTimes,
  ScheduleTimes,
  ScheduleTimesSnapshot,
  SingleTime,
} from "./triggers/schedule-times.ts";
export type {
  Backfill,
  BackfillOptions,
  FireOptions,
  ListDefinitionsOptions,
  PreviewOptions,
  PutSchedule,
  Schedules,
} from "./triggers/schedules.ts";
export type { TemplateSnapshot, TemplateTaskSnapshot } from "./triggers/template-snapshot.ts";
export type { TriggerSnapshot } from "./triggers/trigger-definition-snapshot.ts";
export type { TriggerBehavior, TriggeredRoots, TriggeredTask, TriggerOptions } from "./triggers/trigger-options.ts";
export type { PutTrigger, Triggers, TriggerTest } from "./triggers/triggers.ts";
export type {
  WebhookHmacOptions,
  WebhookOptions,
  WebhookProof,
  WebhookSecretOptions,
} from "./triggers/webhook-options.ts";
export type { WebhookSnapshot } from "./triggers/webhook-snapshot.ts";
export type { PutWebhook, Webhooks } from "./triggers/webhooks.ts";
