import { AttemptOutcome, attemptSpanId, attributeNames, type Outcome, spanIdOf } from "@spanloom/protocol";
import type { AttemptRecord, JobRecord, TaskRecord } from "../../store/store.ts";
import type { RowBuilder, SpanColumns } from "../columns/span-columns.ts";
import { readSpanExtras } from "../ingest/span-extras.ts";
import { blockedUs } from "./project-task.ts";
import { appendEvent, appendIdentity, appendLink, finishRow, type LifecycleSpan } from "./span-row.ts";

/** How attempts end, by what their record says. */
export const attemptOutcomes: Partial<Record<AttemptOutcome, Outcome>> = {
  [AttemptOutcome.SUCCESS]: "success",
  [AttemptOutcome.FAILURE]: "failure",
  [AttemptOutcome.TIMEOUT]: "timeout",
  [AttemptOutcome.CANCELLED]: "cancelled",
  [AttemptOutcome.LOST]: "lost",
  [AttemptOutcome.RELEASED]: "released",
};

/** What an attempt's span is made from. */
export interface AttemptSource {
  job: JobRecord;
  task: TaskRecord;
  attempt: AttemptRecord;
}

/** Appends the span of an attempt: CONSUMER `<task name>`, from its lease to its report or loss. */
export function projectAttempt(rows: RowBuilder<SpanColumns>, source: AttemptSource, version: bigint): void {
  const { job, task, attempt } = source;
  const to = rows.columns;
  const span: LifecycleSpan = {
    job,
    task,
    attempt: attempt.number,
    runnerId: attempt.runnerId,
    isRetry: job.retriedAtUs !== undefined && attempt.leasedAtUs >= job.retriedAtUs,
    type: "attempt",
    kind: "CONSUMER",
    name: task.name,
    spanId: attemptSpanId(task.id, attempt.number),
    parentSpanId: spanIdOf(task.id),
    startUs: attempt.leasedAtUs,
    endUs: attempt.endedAtUs,
    outcome: attemptOutcomes[attempt.outcome],
    // Code that threw as it was told to stop has done no wrong: its exception is told, not counted as an error.
    failure: attempt.outcome === AttemptOutcome.CANCELLED ? undefined : attempt.failure,
    dropped: { attributes: 0, events: 0, links: 0 },
  };
  appendOwn(to, source, span);
  if (attempt.spanExtras.length > 0) {
    const row = rows.rows;
    const extras = readSpanExtras(attempt.spanExtras, rows);
    if (extras) span.dropped = extras;
    else {
      // What the code added is damaged; the record of what ran is written all the same.
      rows.truncate(row);
      appendOwn(to, source, span);
    }
  }
  finishRow(to, span, version);
}

function appendOwn(to: SpanColumns, { job, task, attempt }: AttemptSource, span: LifecycleSpan): void {
  const attributes = appendIdentity(to, span, "process");
  attributes
    .ms(attributeNames.blockedMs, attempt.number === 1 ? blockedUs(task) : 0)
    .ms(attributeNames.queuedMs, attempt.leasedAtUs - attempt.queuedAtUs)
    .ms(attributeNames.backoffMs, attempt.backoffUs);
  if (attempt.endedAtUs !== undefined) attributes.ms(attributeNames.runMs, attempt.endedAtUs - attempt.leasedAtUs);
  if (attempt.droppedTelemetry > 0) attributes.int(attributeNames.droppedTelemetry, attempt.droppedTelemetry);
  if (attempt.number > 1) {
    appendLink(to, job.trace.traceId, attemptSpanId(task.id, attempt.number - 1), "retry");
  }
  const { failure } = attempt;
  if (!failure) return;
  appendEvent(to, "exception", attempt.endedAtUs ?? attempt.leasedAtUs, (event) => {
    event.text("exception.type", failure.type).text("exception.message", failure.message);
    if (failure.stack !== "") event.text("exception.stacktrace", failure.stack);
  });
}
