import { type Attributes, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { AttemptOutcome, attributeNames, type TaskFailure, type TaskResult, usFromTimestamp } from "@spanloom/protocol";
import type { AttemptTracing } from "./attempt-tracing.ts";
import type { TelemetryEntries } from "./record-block.ts";

/**
 * The attempt's own span as exporters are given it: what the code put on it, and what became of the attempt.
 *
 * The server makes the same span from its record, so this one is never sent to it. Undefined when not sampled.
 */
export function finishedAttemptSpan(tracing: AttemptTracing, result: TaskResult): ReadableSpan | undefined {
  const span = tracing.finishedSpan(usFromTimestamp(result.endedAt!));
  if (!span) return undefined;
  const failure = result.outcome.case === "failure" ? result.outcome.value.failure : undefined;
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => span.spanContext(),
    ...(span.parentSpanContext && { parentSpanContext: span.parentSpanContext }),
    startTime: span.startTime,
    endTime: span.endTime,
    duration: span.duration,
    ended: true,
    links: span.links,
    status: failure ? { code: SpanStatusCode.ERROR, message: failure.message } : span.status,
    attributes: { ...span.attributes, ...outcomeAttributes(tracing, result, failure) },
    events: failure ? [...span.events, exceptionEvent(failure, span)] : span.events,
    resource: tracing.host.origins.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  };
}

/** {@link finishedAttemptSpan}, encoded. */
export function attemptSpanEntries(tracing: AttemptTracing, result: TaskResult): TelemetryEntries | undefined {
  const span = finishedAttemptSpan(tracing, result);
  return span && tracing.entriesOf(span);
}

function outcomeAttributes(tracing: AttemptTracing, result: TaskResult, failure: TaskFailure | undefined): Attributes {
  return {
    ...tracing.attributes(),
    [attributeNames.spanType]: "attempt",
    [attributeNames.outcome]: outcomeOf(result),
    ...(failure && { "error.type": failure.type }),
  };
}

function outcomeOf({ outcome }: TaskResult): string {
  if (outcome.case !== "failure") return outcome.case === "success" ? "success" : "released";
  if (outcome.value.outcome === AttemptOutcome.TIMEOUT) return "timeout";
  return outcome.value.outcome === AttemptOutcome.CANCELLED ? "cancelled" : "failure";
}

function exceptionEvent(failure: TaskFailure, span: ReadableSpan): ReadableSpan["events"][number] {
  return {
    name: "exception",
    time: span.endTime,
    attributes: {
      "exception.type": failure.type,
      "exception.message": failure.message,
      "exception.stacktrace": failure.stack,
    },
  };
}
