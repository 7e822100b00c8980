import {
  boundedBaggage,
  boundedTracestate,
  parseTraceparent,
  type TraceContext,
  TraceMode,
  traceIdOfJob,
} from "@spanloom/protocol";
import type { NewJobTrace } from "../store/store.ts";

/**
 * Places a job's span among its submitter's.
 *
 * Mode child continues the submitter's trace; mode link starts one of the job's own that links to it. A malformed
 * traceparent is ignored together with its tracestate, as W3C Trace Context 3.2.4 asks; of an over-long tracestate
 * or baggage the members that fit are kept.
 */
export function jobTrace(
  jobId: string,
  context: Pick<TraceContext, "traceparent" | "tracestate" | "baggage"> | undefined,
  mode: TraceMode,
): NewJobTrace {
  const parent = context === undefined ? undefined : parseTraceparent(context.traceparent);
  const baggage = boundedBaggage(context?.baggage ?? "");
  const own = { traceId: traceIdOfJob(jobId), parentSpanId: "", baggage };
  if (parent === undefined) return { ...own, tracestate: "", sampled: true };
  const tracestate = boundedTracestate(context?.tracestate ?? "");
  if (mode === TraceMode.LINK) {
    const link = { traceId: parent.traceId, spanId: parent.spanId };
    return { ...own, link, tracestate, sampled: parent.sampled };
  }
  return { traceId: parent.traceId, parentSpanId: parent.spanId, tracestate, baggage, sampled: parent.sampled };
}
