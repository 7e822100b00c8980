import { parseTraceparent, type TraceContext, TraceMode, traceIdOfJob } from "@spanloom/protocol";
import type { NewJobTrace } from "../store/store.ts";

const MAX_TRACESTATE_LENGTH = 512;
const MAX_BAGGAGE_LENGTH = 8192;

/**
 * Places a job's span among its submitter's.
 *
 * Mode child continues the submitter's trace; mode link starts one of the job's own that links to it. A malformed
 * traceparent is ignored together with its tracestate, as W3C Trace Context 3.2.4 asks; over-long tracestate and baggage
 * are dropped whole, since a cut list would be malformed.
 */
export function jobTrace(jobId: string, context: TraceContext | undefined, mode: TraceMode): NewJobTrace {
  const parent = context === undefined ? undefined : parseTraceparent(context.traceparent);
  const baggage = bounded(context?.baggage, MAX_BAGGAGE_LENGTH);
  const own = { traceId: traceIdOfJob(jobId), parentSpanId: "", baggage };
  if (parent === undefined) return { ...own, tracestate: "", sampled: true };
  const tracestate = bounded(context?.tracestate, MAX_TRACESTATE_LENGTH);
  if (mode === TraceMode.LINK) {
    const link = { traceId: parent.traceId, spanId: parent.spanId };
    return { ...own, link, tracestate, sampled: parent.sampled };
  }
  return { traceId: parent.traceId, parentSpanId: parent.spanId, tracestate, baggage, sampled: parent.sampled };
}

function bounded(text: string | undefined, maxLength: number): string {
  return text === undefined || text.length > maxLength ? "" : text.trim();
}
