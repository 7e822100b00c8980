import { create } from "@bufbuild/protobuf";
import {
  type Attempt,
  AttemptSchema,
  attemptSpanId,
  type Cancellation,
  CancellationSchema,
  type DependencyOutput,
  DependencyOutputSchema,
  durationFromMs,
  formatTraceparent,
  type LeasedTask,
  LeasedTaskSchema,
  type Progress,
  ProgressSchema,
  SpanReferenceSchema,
  spanIdOf,
  type Task,
  type TaskFailure,
  TaskFailureSchema,
  TaskIdentifierSchema,
  TaskSchema,
  TraceContextSchema,
  timestampFromUs,
  withOrigin,
} from "@spanloom/protocol";
import { present } from "../present.ts";
import type {
  AttemptRecord,
  CancellationRecord,
  DependencyRecord,
  Failure,
  Lease,
  ProgressRecord,
  TaskRecord,
} from "../store/store.ts";

/** A stored task as the protocol's message; its trace is its job's. */
export function toTask(record: TaskRecord, traceId: string): Task {
  return create(TaskSchema, {
    id: record.id,
    jobId: record.jobId,
    parentId: record.parentId ?? "",
    identifier: toIdentifier(record),
    queue: record.queue,
    state: record.state,
    depth: record.depth,
    priority: record.priority,
    optional: record.optional,
    display: record.display,
    dependsOn: [...record.dependsOn],
    dependencyCount: record.dependencyCount,
    attempts: record.attempts.map((attempt) => toAttempt(attempt, record.id, traceId)),
    attemptCount: record.attemptCount,
    maxAttempts: record.maxAttempts,
    progress: record.progress.map(toProgress),
    span: create(SpanReferenceSchema, { traceId, spanId: spanIdOf(record.id) }),
    childCount: record.childCount,
    ...present({
      failure: record.failure && toFailure(record.failure),
      input: record.input,
      output: record.output,
      createdAt: timestampFromUs(record.createdAtUs),
      queuedAt: timestampFromUs(record.queuedAtUs),
      startedAt: timestampFromUs(record.startedAtUs),
      endedAt: timestampFromUs(record.endedAtUs),
      scheduledAt: timestampFromUs(record.scheduledAtUs),
    }),
  });
}

function toAttempt(record: AttemptRecord, taskId: string, traceId: string): Attempt {
  return create(AttemptSchema, {
    number: record.number,
    runnerId: record.runnerId,
    outcome: record.outcome,
    span: create(SpanReferenceSchema, { traceId, spanId: attemptSpanId(taskId, record.number) }),
    ...present({
      startedAt: timestampFromUs(record.leasedAtUs),
      endedAt: timestampFromUs(record.endedAtUs),
      failure: record.failure && toFailure(record.failure),
    }),
  });
}

/** A lease with everything its runner needs, its trace context included. */
export function toLeasedTask(lease: Lease, leaseMs: number): LeasedTask {
  return create(LeasedTaskSchema, {
    taskId: lease.taskId,
    jobId: lease.jobId,
    jobName: lease.jobName,
    parentId: lease.parentId ?? "",
    identifier: toIdentifier(lease),
    queue: lease.queue,
    input: lease.input,
    attempt: lease.attempt,
    attemptsLeft: lease.attemptsLeft,
    leaseToken: lease.token,
    dependencies: lease.dependencies.map(toDependency),
    dependenciesPaged: lease.dependenciesPaged,
    trace: toTraceContext(lease),
    spanId: attemptSpanId(lease.taskId, lease.attempt),
    display: lease.display,
    leaseDuration: durationFromMs(leaseMs),
    ...present({ leaseExpiresAt: timestampFromUs(lease.expiresAtUs), deadline: timestampFromUs(lease.deadlineUs) }),
  });
}

/** The attempt starts below its task's span; tracestate names it to whoever receives spans of its context. */
function toTraceContext({ trace, jobId, taskId, attempt }: Lease) {
  return create(TraceContextSchema, {
    traceparent: formatTraceparent({ traceId: trace.traceId, spanId: spanIdOf(taskId), sampled: trace.sampled }),
    tracestate: withOrigin(trace.tracestate, { jobId, taskId, attempt }),
    baggage: trace.baggage,
  });
}

/** What a dependency left behind, as the protocol's message. */
export function toDependency(record: DependencyRecord): DependencyOutput {
  return create(DependencyOutputSchema, {
    taskId: record.taskId,
    name: record.name,
    state: record.state,
    output: record.output,
    ...present({ failure: record.failure && toFailure(record.failure) }),
  });
}

/** An attempt to stop, as the protocol's message. */
export function toCancellation(record: CancellationRecord): Cancellation {
  return create(CancellationSchema, record);
}

/** An error as the protocol's message. */
export function toFailure(failure: Failure): TaskFailure {
  return create(TaskFailureSchema, { type: failure.type, message: failure.message, stack: failure.stack });
}

/** Progress as the protocol's message. */
export function toProgress({ label, done, total }: ProgressRecord): Progress {
  return create(ProgressSchema, { label, done: BigInt(done), total: BigInt(total) });
}

/** An identifier as the protocol's message. */
export function toIdentifier({ name, major, minor }: { name: string; major: number; minor: number }) {
  return create(TaskIdentifierSchema, { name, version: `${major}.${minor}` });
}
