import { createTraceState, type Span, TraceFlags } from "@opentelemetry/api";
import { BasicTracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { describe, expect, it } from "vitest";
import { LazySpan, LazyTraceState } from "./lazy-span.ts";

function make(sampled: boolean) {
  const real = new BasicTracerProvider().getTracer("t").startSpan("real") as Span & ReadableSpan;
  let made = 0;
  const spanContext = {
    traceId: "1".repeat(32),
    spanId: "2".repeat(16),
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
  };
  const realSpan = () => {
    made++;
    return real;
  };
  return { span: new LazySpan({ spanContext, isRecording: sampled, realSpan }), real, spanContext, made: () => made };
}

describe("a lazy span", () => {
  it("gives its ids without being made", () => {
    const { span, spanContext, made } = make(true);
    expect(span.spanContext()).toBe(spanContext);
    expect(made()).toBe(0);
  });

  it("hands on what is put on it, until it has ended", () => {
    const { span, real } = make(true);
    const context = { traceId: "3".repeat(32), spanId: "4".repeat(16), traceFlags: 1 };
    span.setAttribute("a", 1).setAttributes({ b: 2 }).addEvent("event", { c: 3 }).addLink({ context });
    span.addLinks([{ context }, { context }]).setStatus({ code: 1 }).updateName("renamed");
    span.recordException(new RangeError("far"));
    expect(span.isRecording()).toBe(true);
    span.end();
    expect(span.setAttribute("late", 1).isRecording()).toBe(false);
    expect(real).toMatchObject({ name: "renamed", status: { code: 1 }, attributes: { a: 1, b: 2 }, ended: true });
    expect(real.events.map(({ name }) => name)).toEqual(["event", "exception"]);
    expect(real.links).toHaveLength(3);
  });

  it("records nothing, and is never made, when it is not sampled", () => {
    const { span, made } = make(false);
    span.setAttribute("a", 1).addEvent("event").end();
    span.recordException("text");
    expect(span.isRecording()).toBe(false);
    expect(made()).toBe(0);
  });
});

it("a lazy trace state is read and changed as any other", () => {
  const text = "spanloom=a_b_1,vendor=x";
  const state = new LazyTraceState(text);
  expect([state.serialize(), state.get("vendor"), state.get("none")]).toEqual([text, "x", undefined]);
  expect(state.set("vendor", "y").serialize()).toBe(createTraceState(text).set("vendor", "y").serialize());
  expect(state.unset("spanloom").serialize()).toBe("vendor=x");
});
