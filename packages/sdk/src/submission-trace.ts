import { activeCarrier, extractHeaders, isTraceHeader, type TraceCarrier } from "./carrier.ts";

/** What a submission says about its trace. */
export interface SubmissionTrace {
  /** A trace context given by the caller; false for none. */
  trace?: TraceCarrier | false;
  /** The job's tags, which may hold a trace context. */
  tags?: Record<string, string>;
}

/** The trace context that a submission names itself: its option, else that among its tags; undefined for neither. */
export function givenTrace({ trace, tags }: SubmissionTrace): TraceCarrier | false | undefined {
  return trace ?? (tags && traceAmong(tags));
}

/** The trace context a job is submitted with: the one given, else that of the active span. */
export function carrierOfSubmission(submission: SubmissionTrace): TraceCarrier | undefined {
  const given = givenTrace(submission);
  return given === false ? undefined : (given ?? activeCarrier());
}

/**
 * Tags without the trace context among them, which travels as such: as a tag it would differ with each submission, and so
 * make one key stand for different requests. Without a valid traceparent there is no trace context, and all tags stay.
 */
export function tagsWithoutTrace(tags: Record<string, string> = {}): Record<string, string> {
  if (!traceAmong(tags)) return tags;
  return Object.fromEntries(Object.entries(tags).filter(([name]) => !isTraceHeader(name)));
}

function traceAmong(tags: Record<string, string>): TraceCarrier | undefined {
  // Most tags are none; looking at names alone is cheaper than reading headers.
  for (const name in tags) if (name.length === 11 && name.toLowerCase() === "traceparent") return extractHeaders(tags);
  return undefined;
}
