/**
 * Names of the attributes Spanloom puts on spans and logs.
 *
 * Source: design telemetry 1; docs/telemetry.md lists them for users.
 */
export const attributeNames = {
  jobId: "spanloom.job.id",
  jobName: "spanloom.job.name",
  taskId: "spanloom.task.id",
  taskName: "spanloom.task.name",
  taskVersion: "spanloom.task.version",
  taskAttempt: "spanloom.task.attempt",
  queue: "spanloom.queue",
  runnerId: "spanloom.runner.id",
  spanType: "spanloom.span.type",
  outcome: "spanloom.outcome",
  linkType: "spanloom.link.type",
  triggerType: "spanloom.trigger.type",
  triggerName: "spanloom.trigger.name",
  triggerId: "spanloom.trigger.id",
  scheduleName: "spanloom.schedule.name",
  scheduleId: "spanloom.schedule.id",
  scheduledAt: "spanloom.scheduled_at",
  firingDelayMs: "spanloom.firing_delay_ms",
  backfill: "spanloom.backfill",
  eventId: "spanloom.event.id",
  firingJobId: "spanloom.firing.job.id",
  blockedMs: "spanloom.blocked_ms",
  queuedMs: "spanloom.queued_ms",
  backoffMs: "spanloom.backoff_ms",
  runMs: "spanloom.run_ms",
  droppedTelemetry: "spanloom.dropped_telemetry",
  clockOffsetMs: "spanloom.clock_offset_ms",
} as const;

/** Values of `spanloom.span.type`, by increasing depth in a job's tree. */
export const spanTypes = ["job", "task", "attempt", "user"] as const;

/** What produced a span. */
export type SpanTypeName = (typeof spanTypes)[number];

/** Values of `spanloom.outcome`. */
export const outcomes = ["success", "failure", "timeout", "cancelled", "lost", "released", "skipped"] as const;

/** How a job, task or attempt ended. */
export type Outcome = (typeof outcomes)[number];
