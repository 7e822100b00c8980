import { AttemptOutcome, attemptSpanId, attributeNames, type Outcome, spanIdOf, TaskState } from "@spanloom/protocol";
import type { AttemptRecord, JobRecord, TaskRecord } from "../../store/store.ts";
import type { SpanColumns } from "../columns/span-columns.ts";
import { unknownFailure } from "./project-job.ts";
import { appendEvent, appendIdentity, appendLink, CANCEL_REASON, finishRow, type LifecycleSpan } from "./span-row.ts";

const outcomes: Partial<Record<TaskState, Outcome>> = {
  [TaskState.SUCCEEDED]: "success",
  [TaskState.FAILED]: "failure",
  [TaskState.CANCELLED]: "cancelled",
  [TaskState.SKIPPED]: "skipped",
};

/** Appends the span of a task: INTERNAL `task <name>`, from the creation of its row to its end, children included. */
export function projectTask(to: SpanColumns, job: JobRecord, task: TaskRecord, version: bigint): void {
  const span: LifecycleSpan = {
    job,
    task,
    attempt: 0,
    runnerId: "",
    type: "task",
    kind: "INTERNAL",
    name: `task ${task.name}`,
    spanId: spanIdOf(task.id),
    parentSpanId: task.parentId === undefined ? spanIdOf(job.id) : attemptSpanId(task.parentId, task.parentAttempt),
    startUs: task.createdAtUs,
    endUs: task.endedAtUs,
    outcome: outcomes[task.state],
    failure: task.state === TaskState.FAILED ? (task.failure ?? unknownFailure) : undefined,
    dropped: { attributes: 0, events: 0, links: Math.max(0, task.dependencyCount - task.dependsOn.length) },
  };
  const attributes = appendIdentity(to, span, "enqueue");
  attributes.ms(attributeNames.blockedMs, blockedUs(task));
  const waits = waitsOf(task);
  if (waits) {
    attributes.ms(attributeNames.queuedMs, waits.queuedUs).ms(attributeNames.backoffMs, waits.backoffUs);
    if (task.attempts.length > 0) attributes.ms(attributeNames.runMs, sumUs(task, ranUs));
  }
  appendTaskEvents(to, job, task);
  for (const dependency of task.dependsOn) appendLink(to, job.trace.traceId, spanIdOf(dependency), "dependency");
  finishRow(to, span, version);
}

/** How long a task waited for its dependencies; undefined while it still does. */
export function blockedUs(task: TaskRecord): number | undefined {
  const until = task.unblockedAtUs ?? task.endedAtUs;
  return until === undefined ? undefined : until - task.createdAtUs;
}

/** What a task waited for besides its dependencies; undefined while it has had no attempt and may get one. */
function waitsOf(task: TaskRecord): { queuedUs: number; backoffUs: number } | undefined {
  const { attempts, endedAtUs, backoffUs: lastBackoffUs = 0 } = task;
  const queuedAtUs = lastQueuedAtUs(task);
  const isOver = queuedAtUs !== undefined && endedAtUs !== undefined;
  if (attempts.length === 0 && !isOver) return undefined;
  const queuedUs = sumUs(task, (attempt) => attempt.leasedAtUs - attempt.queuedAtUs);
  const backoffUs = sumUs(task, (attempt) => attempt.backoffUs);
  if (!isOver) return { queuedUs, backoffUs };
  const sinceUs = attempts.at(-1)?.endedAtUs ?? queuedAtUs;
  return {
    queuedUs: queuedUs + Math.max(0, endedAtUs - queuedAtUs),
    backoffUs: backoffUs + Math.min(lastBackoffUs, endedAtUs - sinceUs),
  };
}

/** When a task that waits for a runner, or ended waiting, became ready or was to; undefined for any other. */
function lastQueuedAtUs({
  attempts,
  state,
  scheduledAtUs,
  queuedAtUs = scheduledAtUs,
}: TaskRecord): number | undefined {
  if (!mayWait.has(state)) return undefined;
  const attempt = attempts.at(-1);
  if (!attempt) return state === TaskState.SCHEDULED ? undefined : queuedAtUs;
  const { endedAtUs } = attempt;
  if (queuedAtUs === undefined || endedAtUs === undefined) return undefined;
  return queuedAtUs > attempt.queuedAtUs && queuedAtUs >= endedAtUs ? queuedAtUs : undefined;
}

/** States in which a task waits for a runner, or may have ended waiting. */
const mayWait: ReadonlySet<TaskState> = new Set([
  TaskState.SCHEDULED,
  TaskState.QUEUED,
  TaskState.FAILED,
  TaskState.CANCELLED,
  TaskState.SKIPPED,
]);

function ranUs({ leasedAtUs, endedAtUs = leasedAtUs }: AttemptRecord): number {
  return endedAtUs - leasedAtUs;
}

function sumUs(task: TaskRecord, of: (attempt: AttemptRecord) => number): number {
  return task.attempts.reduce((sum, attempt) => sum + Math.max(0, of(attempt)), 0);
}

function appendTaskEvents(to: SpanColumns, job: JobRecord, task: TaskRecord): void {
  if (task.dependencyCount > 0) {
    appendEvent(to, "blocked", task.createdAtUs, (attributes) => {
      attributes.int("spanloom.dependencies", task.dependencyCount);
    });
  }
  for (const [i, attempt] of task.attempts.entries()) appendAttemptEvents(to, task, attempt, task.attempts[i + 1]);
  const queuedAtUs = task.state === TaskState.SCHEDULED ? undefined : lastQueuedAtUs(task);
  if (queuedAtUs !== undefined && queuedAtUs <= (task.endedAtUs ?? queuedAtUs)) appendEvent(to, "queued", queuedAtUs);
  if (task.endedAtUs === undefined) return;
  if (task.state === TaskState.CANCELLED) {
    appendEvent(to, "cancelled", task.endedAtUs, (attributes) => {
      if (job.cancelReason) attributes.text(CANCEL_REASON, job.cancelReason);
    });
  }
  if (task.state === TaskState.SKIPPED) appendEvent(to, "skipped", task.endedAtUs);
}

function appendAttemptEvents(
  to: SpanColumns,
  task: TaskRecord,
  attempt: AttemptRecord,
  next: AttemptRecord | undefined,
): void {
  appendEvent(to, "queued", attempt.queuedAtUs);
  appendEvent(to, "leased", attempt.leasedAtUs, (attributes) => {
    attributes.int(attributeNames.taskAttempt, attempt.number).text(attributeNames.runnerId, attempt.runnerId);
  });
  if (attempt.endedAtUs === undefined) return;
  const { endedAtUs } = attempt;
  if (attempt.outcome === AttemptOutcome.LOST) {
    appendEvent(to, "lost", endedAtUs, (attributes) => {
      attributes.int(attributeNames.taskAttempt, attempt.number).text(attributeNames.runnerId, attempt.runnerId);
    });
  }
  const failed = attempt.outcome === AttemptOutcome.FAILURE || attempt.outcome === AttemptOutcome.TIMEOUT;
  const delayUs = retryDelayUs(task, attempt, next);
  if (!failed || delayUs === undefined) return;
  appendEvent(to, "retry scheduled", endedAtUs, (attributes) => {
    attributes.int(attributeNames.taskAttempt, attempt.number).ms("spanloom.retry.delay_ms", delayUs);
  });
}

/** Delay before the attempt after this one; undefined when none was to come, or only as the whole job was retried. */
function retryDelayUs(task: TaskRecord, attempt: AttemptRecord, next: AttemptRecord | undefined): number | undefined {
  if (!next) return task.backoffUs;
  return next.backoffUs > 0 || next.queuedAtUs === attempt.endedAtUs ? next.backoffUs : undefined;
}
