/**
 * What a bearer token may be allowed to do.
 *
 * - `submit`: make, cancel, retry and clone jobs; keep schedules and triggers, publish events; deliver to webhooks that
 *   check no signature.
 * - `run`: be a runner, and send telemetry over OTLP.
 * - `read`: see jobs, tasks, runners, queues, schedules, triggers, events, spans and logs.
 * - `admin`: everything, and what changes how the system runs.
 */
export const scopes = ["submit", "run", "read", "admin"] as const;

/** One of {@link scopes}. */
export type Scope = (typeof scopes)[number];

/** Whether a text names a scope. */
export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

/** The scope that each call needs: RPCs as `Service/Method`, HTTP endpoints by path. */
const needed: Readonly<Record<Scope, readonly string[]>> = {
  submit: [
    "spanloom.v1.JobService/SubmitJob",
    "spanloom.v1.JobService/SubmitJobs",
    "spanloom.v1.JobService/CancelJob",
    "spanloom.v1.JobService/RetryJob",
    "spanloom.v1.JobService/CloneJob",
    "spanloom.v1.EventService/PublishEvents",
    "spanloom.v1.EventService/ReplayEvents",
    "/hooks/{name}",
    "spanloom.v1.TriggerService/PutSchedule",
    "spanloom.v1.TriggerService/DeleteSchedule",
    "spanloom.v1.TriggerService/PauseSchedule",
    "spanloom.v1.TriggerService/ResumeSchedule",
    "spanloom.v1.TriggerService/BackfillSchedule",
    "spanloom.v1.TriggerService/FireSchedule",
    "spanloom.v1.TriggerService/PutTrigger",
    "spanloom.v1.TriggerService/DeleteTrigger",
    "spanloom.v1.TriggerService/PauseTrigger",
    "spanloom.v1.TriggerService/ResumeTrigger",
  ],
  run: [
    "spanloom.v1.TaskService/LeaseTasks",
    "spanloom.v1.TaskService/Heartbeat",
    "spanloom.v1.TaskService/ListDependencyOutputs",
    "spanloom.v1.RunnerService/RegisterRunner",
    "spanloom.v1.RunnerService/UnregisterRunner",
    "/v1/traces",
    "/v1/logs",
  ],
  read: [
    "spanloom.v1.JobService/GetJob",
    "spanloom.v1.JobService/ListJobs",
    "spanloom.v1.JobService/WatchJob",
    "spanloom.v1.JobService/WaitJobs",
    "spanloom.v1.JobService/ListTasks",
    "spanloom.v1.JobService/GetTask",
    "spanloom.v1.JobService/CountJobs",
    "spanloom.v1.JobService/GetQueueStats",
    "spanloom.v1.RunnerService/ListRunners",
    "spanloom.v1.QueryService/QuerySpans",
    "spanloom.v1.QueryService/QueryLogs",
    "spanloom.v1.QueryService/TailSpans",
    "spanloom.v1.QueryService/TailLogs",
    "spanloom.v1.QueryService/AggregateSpans",
    "spanloom.v1.QueryService/GetCriticalPath",
    "spanloom.v1.QueryService/CompareJobs",
    "spanloom.v1.TriggerService/GetSchedule",
    "spanloom.v1.TriggerService/ListSchedules",
    "spanloom.v1.TriggerService/PreviewSchedule",
    "spanloom.v1.TriggerService/GetTrigger",
    "spanloom.v1.TriggerService/ListTriggers",
    "spanloom.v1.TriggerService/TestTrigger",
    "spanloom.v1.TriggerService/ListFirings",
    "spanloom.v1.EventService/GetEvent",
    "spanloom.v1.EventService/ListEvents",
    "spanloom.v1.EventService/GetWebhook",
    "spanloom.v1.EventService/ListWebhooks",
    "/metrics",
  ],
  admin: [
    "spanloom.v1.RunnerService/DrainRunner",
    "spanloom.v1.EventService/PutWebhook",
    "spanloom.v1.EventService/DeleteWebhook",
  ],
};

/** Scope by call. */
export const scopeOfCall: ReadonlyMap<string, Scope> = new Map(
  scopes.flatMap((scope) => needed[scope].map((call) => [call, scope] as const)),
);
