import { create } from "@bufbuild/protobuf";
import {
  ConcurrencyPolicy,
  ConcurrencySchema,
  type Job,
  type JobFilter,
  JobSchema,
  type QueueStats,
  QueueStatsSchema,
  SpanReferenceSchema,
  spanIdOf,
  TaskCountsSchema,
  TriggerInfoSchema,
  TriggerType,
  timestampFromUs,
} from "@spanloom/protocol";
import { invalidField } from "../engine/field.ts";
import { present } from "../present.ts";
import type {
  ConcurrencyRule,
  JobQuery,
  JobRecord,
  JobTrigger,
  QueueStatsRecord,
  TaskCounters,
} from "../store/store.ts";
import { timeField } from "./request-field.ts";
import { toFailure, toProgress } from "./task-message.ts";

/** A stored job as the protocol's message. */
export function toJob(record: JobRecord): Job {
  return create(JobSchema, {
    id: record.id,
    name: record.name,
    state: record.state,
    tags: { ...record.tags },
    queue: record.queue,
    priority: record.priority,
    counts: toCounts(record.counts),
    attempts: BigInt(record.attempts),
    progress: record.progress.map(toProgress),
    outputs: record.outputs ? [...record.outputs] : [],
    failedTaskId: record.failedTaskId ?? "",
    cancelReason: record.cancelReason ?? "",
    span: create(SpanReferenceSchema, { traceId: record.trace.traceId, spanId: spanIdOf(record.id) }),
    idempotencyKey: record.idempotencyKey,
    ...present({
      failure: record.failure && toFailure(record.failure),
      createdAt: timestampFromUs(record.createdAtUs),
      startedAt: timestampFromUs(record.startedAtUs),
      endedAt: timestampFromUs(record.endedAtUs),
      startAt: timestampFromUs(record.startAtUs),
      deadline: timestampFromUs(record.deadlineUs),
      concurrency: record.concurrency && toConcurrency(record.concurrency),
      retriedAt: timestampFromUs(record.retriedAtUs),
    }),
    trigger: toTriggerInfo(record.trigger),
  });
}

const policies = {
  wait: ConcurrencyPolicy.WAIT,
  cancelRunning: ConcurrencyPolicy.CANCEL_RUNNING,
  rejectNew: ConcurrencyPolicy.REJECT_NEW,
} as const;

function toConcurrency({ key, limit, policy, maxWaiting }: ConcurrencyRule) {
  return create(ConcurrencySchema, { key, limit, policy: policies[policy], ...present({ maxWaiting }) });
}

const triggerTypes = {
  manual: TriggerType.MANUAL,
  schedule: TriggerType.SCHEDULE,
  event: TriggerType.EVENT,
  webhook: TriggerType.WEBHOOK,
  clone: TriggerType.CLONE,
} as const satisfies Record<JobTrigger["type"], TriggerType>;

/** What set a job going, as the protocol's message; `undefined` is somebody who submitted it. */
export function toTriggerInfo(trigger: JobTrigger = { type: "manual", depth: 0 }) {
  const { source } = trigger;
  return create(TriggerInfoSchema, {
    type: triggerTypes[trigger.type],
    ...(source?.kind === "schedule" && { schedule: source.name, scheduleId: source.id }),
    ...(source?.kind === "trigger" && { trigger: source.name, triggerId: source.id }),
    eventId: trigger.eventId ?? "",
    backfill: trigger.backfill ?? false,
    clonedJobId: trigger.clonedJobId ?? "",
    depth: trigger.depth,
    ...present({ scheduledAt: timestampFromUs(trigger.scheduledAtUs) }),
  });
}

function toCounts(counts: TaskCounters) {
  return create(TaskCountsSchema, {
    blocked: BigInt(counts.blocked),
    scheduled: BigInt(counts.scheduled),
    queued: BigInt(counts.queued),
    running: BigInt(counts.running),
    waiting: BigInt(counts.waiting),
    succeeded: BigInt(counts.succeeded),
    failed: BigInt(counts.failed),
    cancelled: BigInt(counts.cancelled),
    skipped: BigInt(counts.skipped),
  });
}

/** A filter as the store's query; absent and empty conditions are left out. */
export function toJobQuery(filter: JobFilter | undefined): JobQuery {
  if (!filter) return {};
  return present({
    states: filter.states.length > 0 ? filter.states : undefined,
    name: filter.name || undefined,
    tags: Object.keys(filter.tags).length > 0 ? filter.tags : undefined,
    queue: filter.queue || undefined,
    createdAfterUs: timeField("filter.created_after", filter.createdAfter),
    createdBeforeUs: timeField("filter.created_before", filter.createdBefore),
    runnerId: filter.runnerId || undefined,
    triggerTypes: filter.triggerTypes.length > 0 ? toTriggerTypes(filter.triggerTypes) : undefined,
    schedule: filter.schedule || undefined,
    trigger: filter.trigger || undefined,
  });
}

/** Errors: INVALID_FIELD for RETRY, which is of attempts alone, and for what is not known. */
function toTriggerTypes(types: readonly TriggerType[]): readonly JobTrigger["type"][] {
  return types.map((type, i) => {
    const name = (Object.keys(triggerTypes) as JobTrigger["type"][]).find((each) => triggerTypes[each] === type);
    if (name === undefined) throw invalidField(`filter.trigger_types[${i}]`, `is ${type}, which no job has`);
    return name;
  });
}

/** A queue's backlog as the protocol's message. */
export function toQueueStats(record: QueueStatsRecord): QueueStats {
  return create(QueueStatsSchema, {
    queue: record.queue,
    queued: BigInt(record.queued),
    throttled: BigInt(record.throttled),
    scheduled: BigInt(record.scheduled),
    running: BigInt(record.running),
    runners: BigInt(record.runners),
    ...present({ oldestQueuedAt: timestampFromUs(record.oldestQueuedAtUs) }),
  });
}
