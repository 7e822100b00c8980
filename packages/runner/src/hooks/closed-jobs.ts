import { attributeNames, bytesToHex, formatTraceparent, outcomes } from "@spanloom/protocol";
import type { ExportTraceServiceRequest, Span } from "@spanloom/protocol/otlp";
import type { JobEndEvent } from "./runner-hooks.ts";

/** The ends of jobs among lifecycle spans that the server gave to this runner. */
export function jobEndsIn({ resourceSpans }: ExportTraceServiceRequest): JobEndEvent[] {
  const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  return spans.filter((span) => textOf(span, attributeNames.spanType) === "job").map(jobEndOf);
}

function jobEndOf(span: Span): JobEndEvent {
  const { traceState, flags, status } = span;
  const ids = { traceId: bytesToHex(span.traceId), spanId: bytesToHex(span.spanId) };
  const traceparent = formatTraceparent({ ...ids, sampled: (flags & 1) === 1 });
  const outcome = textOf(span, attributeNames.outcome);
  const errorType = textOf(span, "error.type");
  return {
    jobId: textOf(span, attributeNames.jobId),
    jobName: textOf(span, attributeNames.jobName),
    queue: textOf(span, attributeNames.queue),
    startTimeMs: toMs(span.startTimeUnixNano),
    endTimeMs: toMs(span.endTimeUnixNano),
    outcome: outcomes.find((known) => known === outcome) ?? "failure",
    error: errorType ? { type: errorType, message: status?.message ?? "", stack: "" } : undefined,
    trace: {
      ...ids,
      parentSpanId: bytesToHex(span.parentSpanId) || undefined,
      carrier: { traceparent, ...(traceState && { tracestate: traceState }) },
    },
  };
}

function textOf(span: Span, name: string): string {
  const value = span.attributes.find(({ key }) => key === name)?.value?.value;
  return value?.case === "stringValue" ? value.value : "";
}

function toMs(nanos: bigint): number {
  return Number(nanos / 1000n) / 1000;
}
