import { create } from "@bufbuild/protobuf";
import { TraceContextSchema, TraceMode } from "@spanloom/protocol";
import { expect, test } from "vitest";
import { jobTrace } from "./trace.ts";

const jobId = "01890a5d-ac96-774b-bcce-b302099a8057";
const ownTraceId = "01890a5dac96774bbcceb302099a8057";
const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const context = (traceparent: string, tracestate = "a=1", baggage = "k=v") =>
  create(TraceContextSchema, { traceparent, tracestate, baggage });

test("a child continues its submitter's trace, state, baggage and sampling", () => {
  expect(jobTrace(jobId, context(`00-${traceId}-${spanId}-00`), TraceMode.CHILD)).toEqual({
    traceId,
    parentSpanId: spanId,
    tracestate: "a=1",
    baggage: "k=v",
    sampled: false,
  });
});

test("in mode link the job has a trace of its own that links to its submitter", () => {
  expect(jobTrace(jobId, context(`00-${traceId}-${spanId}-01`), TraceMode.LINK)).toEqual({
    traceId: ownTraceId,
    parentSpanId: "",
    link: { traceId, spanId },
    tracestate: "a=1",
    baggage: "k=v",
    sampled: true,
  });
});

test("without a submitter the job has a trace of its own", () => {
  const own = { traceId: ownTraceId, parentSpanId: "", tracestate: "", baggage: "", sampled: true };
  expect(jobTrace(jobId, undefined, TraceMode.UNSPECIFIED)).toEqual(own);
});

test.each(["", "garbage", `00-${"0".repeat(32)}-${spanId}-01`, `ff-${traceId}-${spanId}-01`])(
  "the malformed traceparent %j is ignored with its tracestate",
  (traceparent) => {
    const trace = jobTrace(jobId, context(traceparent), TraceMode.CHILD);
    expect(trace).toMatchObject({ traceId: ownTraceId, parentSpanId: "", tracestate: "", baggage: "k=v" });
  },
);

test("of an over-long tracestate and baggage the members that fit are kept, and none of an attempt before", () => {
  const tracestate = `spanloom=${"o".repeat(80)}, a=${"x".repeat(600)} ,b=${"y".repeat(300)},c=${"z".repeat(300)},d=1`;
  const baggage = `k=${"x".repeat(9_000)},l=é%20;p=1,m=2`;
  const long = context(`00-${traceId}-${spanId}-01`, tracestate, baggage);
  expect(jobTrace(jobId, long, TraceMode.CHILD)).toMatchObject({
    traceId,
    tracestate: `b=${"y".repeat(300)},d=1`,
    baggage: "l=é%20;p=1,m=2",
  });
});
