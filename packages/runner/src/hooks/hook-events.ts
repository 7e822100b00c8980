import { formatTraceparent, spanIdOf, type TaskFailure, type TaskResult } from "@spanloom/protocol";
import type { TraceCarrier } from "@spanloom/sdk";
import type { Attempt } from "../attempt.ts";
import { attemptEndOf } from "../task-result.ts";
import type { EventError, EventTrace, JobStartEvent, TaskEndEvent, TaskStartEvent } from "./runner-hooks.ts";

/** Whether an attempt is the first of a root task: what a job begins with. */
export function beginsJob({ task }: Attempt): boolean {
  return task.parentId === "" && task.attempt === 1;
}

/** The beginning of the job that an attempt begins. */
export function jobStartOf({ task, tracing }: Attempt): JobStartEvent {
  const { jobId, jobName, queue } = task;
  return {
    jobId,
    jobName,
    queue,
    runnerId: tracing.host.runnerId,
    startTimeMs: tracing.startedAtUs / 1000,
    trace: traceOf({ tracing, task }, { spanId: spanIdOf(jobId), parentSpanId: undefined }),
  };
}

/** The beginning of an attempt. */
export function taskStartOf(attempt: Attempt): TaskStartEvent {
  const { task, tracing } = attempt;
  attempt.startEvent ??= {
    jobId: task.jobId,
    jobName: task.jobName,
    taskId: task.taskId,
    taskName: task.identifier?.name ?? "",
    taskVersion: task.identifier?.version || "1.0",
    parentTaskId: task.parentId || undefined,
    queue: task.queue,
    runnerId: tracing.host.runnerId,
    attempt: task.attempt,
    attemptsLeft: task.attemptsLeft,
    startTimeMs: tracing.startedAtUs / 1000,
    trace: traceOf(attempt, { spanId: task.spanId, parentSpanId: spanIdOf(task.taskId) }),
  };
  return attempt.startEvent;
}

/** The end of an attempt; without a result its lease was lost. */
export function taskEndOf(attempt: Attempt, result: TaskResult | undefined, endTimeMs: number): TaskEndEvent {
  const failure = result?.outcome.case === "failure" ? result.outcome.value.failure : undefined;
  return { ...taskStartOf(attempt), endTimeMs, outcome: attemptEndOf(result), error: failure && errorOf(failure) };
}

function errorOf({ type, message, stack }: TaskFailure): EventError {
  return { type, message, stack };
}

function traceOf(
  { tracing, task }: Pick<Attempt, "tracing" | "task">,
  ids: { spanId: string; parentSpanId: string | undefined },
): EventTrace {
  const { traceId, traceFlags, traceState } = tracing.spanContext;
  // Of the attempt alone the trace state names it; above it there is what the submitter sent.
  const tracestate = ids.spanId === task.spanId ? traceState?.serialize() : task.trace?.tracestate;
  const carrier: TraceCarrier = {
    traceparent: formatTraceparent({ traceId, spanId: ids.spanId, sampled: (traceFlags & 1) === 1 }),
    ...(tracestate && { tracestate }),
    ...(task.trace?.baggage && { baggage: task.trace.baggage }),
  };
  return { traceId, ...ids, carrier };
}
