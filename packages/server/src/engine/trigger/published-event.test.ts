import { create } from "@bufbuild/protobuf";
import { defaultLimits, NewEventSchema, SpanloomError, TraceContextSchema, withOrigin } from "@spanloom/protocol";
import { expect, test } from "vitest";
import { type PublishedEvent, toPublishedEvent } from "./published-event.ts";

const PARENT = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
const OTHER = `00-${"3".repeat(32)}-${"4".repeat(16)}-01`;
const JOB = "0190b5c0-0000-7000-8000-000000000001";
const ORIGIN = withOrigin("", { jobId: JOB, taskId: "0190b5c0-0000-7000-8000-000000000002", attempt: 1 });

function published(event: object, trace?: { traceparent: string; tracestate?: string }): PublishedEvent {
  const context = trace && create(TraceContextSchema, trace);
  return toPublishedEvent(create(NewEventSchema, { key: "order.paid", ...event }), "events[2]", {
    trace: context,
    newId: () => "new",
    limits: defaultLimits,
  });
}

test("an event is kept as it is sent, with an id and a payload where it has none", () => {
  expect(published({}).record).toEqual({
    id: "new",
    key: "order.paid",
    payload: Buffer.from("null"),
    metadata: {},
    trace: { traceparent: "", tracestate: "", baggage: "" },
    source: "published",
    webhook: "",
    replayOf: "",
    onlyTrigger: "",
    depth: 0,
  });
  expect(published({ id: "mine", payload: Buffer.from(" [1] ") }).record).toMatchObject({
    id: "mine",
    payload: Buffer.from(" [1] "),
  });
});

test("a payload that is nested too deep for expressions is refused, brackets in text do not count", () => {
  const nested = (depth: number) => Buffer.from(`${"[".repeat(depth)}${"]".repeat(depth)}`);
  expect(published({ payload: nested(100) }).record.payload).toEqual(nested(100));
  const text = Buffer.from(JSON.stringify(`\\"${"[".repeat(200)}`));
  expect(published({ payload: text }).record.payload).toEqual(text);
  expect(() => published({ payload: nested(101) })).toThrow("events[2].payload is nested deeper than 100");
});

test("the publisher's trace is the metadata's before the request's, and no fact of the event", () => {
  const metadata = { TraceParent: OTHER, tracestate: "vendor=1", Baggage: "k=v", region: "eu" };
  const { record } = published({ metadata }, { traceparent: PARENT });
  expect(record.trace).toEqual({ traceparent: OTHER, tracestate: "vendor=1", baggage: "k=v" });
  expect(record.metadata).toEqual({ region: "eu" });
  expect(published({}, { traceparent: PARENT }).record.trace.traceparent).toBe(PARENT);
});

test("a traceparent that is none is ignored with its state, and what is too long is cut, not refused", () => {
  const wrong = published({ metadata: { traceparent: "nonsense", tracestate: "vendor=1" } }).record;
  expect(wrong.trace).toEqual({ traceparent: "", tracestate: "", baggage: "" });
  const baggage = Array.from({ length: 1_000 }, (_, n) => `key-${n}=value`).join(",");
  const long = published({ metadata: { traceparent: PARENT, baggage } }).record;
  expect(long.trace.baggage.length).toBeLessThanOrEqual(8_192);
  expect(long.trace.baggage).toMatch(/^key-0=value,/);
});

test("the job that publishes is known by the tracestate, which is not believed to be right", () => {
  expect(published({}, { traceparent: PARENT, tracestate: `${ORIGIN},vendor=1` })).toMatchObject({
    publisherJobId: JOB,
    record: { trace: { tracestate: `${ORIGIN},vendor=1` } },
  });
  const dashes = `spanloom=${"-".repeat(36)}_${"-".repeat(36)}_1`;
  expect(published({}, { traceparent: PARENT, tracestate: dashes }).publisherJobId).toBeUndefined();
  expect(published({}, { traceparent: PARENT }).publisherJobId).toBeUndefined();
});

test.each([
  [{ key: "a b" }, "events[2].key"],
  [{ key: "spanloom.x" }, "events[2].key"],
  [{ payload: Buffer.from("{]") }, "events[2].payload"],
  [{ payload: Buffer.from([0xff]) }, "events[2].payload"],
  [{ payload: Buffer.alloc(defaultLimits.maxEventBytes + 1, "1") }, "events[2].payload"],
  [{ id: "x".repeat(257) }, "events[2].id"],
  [{ id: "nul\0" }, "events[2].id"],
  [{ metadata: { "": "x" } }, "events[2].metadata key"],
  [{ metadata: { m: "x".repeat(4_097) } }, 'events[2].metadata["m"]'],
  [{ metadata: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, ""])) }, "events[2].metadata"],
])("%j is refused by name", (event, field) => {
  expect(() => published(event)).toThrow(SpanloomError);
  expect(() => published(event)).toThrow(expect.objectContaining({ facts: expect.objectContaining({ field }) }));
});
