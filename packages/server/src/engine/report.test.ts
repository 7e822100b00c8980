import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { AttemptOutcome, defaultLimits, durationFromMs, ReleaseReason, TaskResultSchema } from "@spanloom/protocol";
import { SpanSchema } from "@spanloom/protocol/otlp";
import { expect, test } from "vitest";
import { checkResult, cut, INVALID_RESULT } from "./report.ts";

type Init = MessageInitShape<typeof TaskResultSchema>;
type Outcome = NonNullable<Init["outcome"]>;

const lease = { taskId: "01890a5d-ac96-774b-bcce-b302099a8057", attempt: 1, leaseToken: new Uint8Array(16) };
const success: Outcome = { case: "success", value: { output: new Uint8Array([7]) } };
const check = (init: Init) =>
  checkResult(create(TaskResultSchema, { ...lease, outcome: success, ...init }), defaultLimits);

test("a success without children has none, not an empty set", () => {
  const { report, error } = check({ outcome: { case: "success", value: { children: { groups: [] } } } });
  expect(error).toBeUndefined();
  expect(report).toMatchObject({ taskId: lease.taskId, attempt: 1, result: { kind: "success", children: undefined } });
});

test("failures keep what the code said, and FAILURE is the default outcome", () => {
  const failure = { type: "", message: "no", stack: "at x", retryable: false, retryAfter: durationFromMs(250) };
  expect(check({ outcome: { case: "failure", value: { failure } } }).report?.result).toEqual({
    kind: "failure",
    failure: { type: "Error", message: "no", stack: "at x" },
    outcome: AttemptOutcome.FAILURE,
    retryable: false,
    retryAfterMs: 250,
  });
  const timeout = { failure: { type: "T" }, outcome: AttemptOutcome.TIMEOUT };
  expect(check({ outcome: { case: "failure", value: timeout } }).report?.result).toMatchObject({
    outcome: AttemptOutcome.TIMEOUT,
  });
});

test("a release tells whether the code was unknown", () => {
  const released = (reason: ReleaseReason) =>
    check({ outcome: { case: "released", value: { reason } } }).report?.result;
  expect(released(ReleaseReason.SHUTDOWN)).toEqual({ kind: "released", unknownIdentifier: false });
  expect(released(ReleaseReason.UNKNOWN_IDENTIFIER)).toEqual({ kind: "released", unknownIdentifier: true });
});

test("over-long failure texts are cut, not refused", () => {
  const failure = { type: "T".repeat(999), message: "m".repeat(99_999), stack: "s".repeat(99_999) };
  const { report, error } = check({ outcome: { case: "failure", value: { failure } } });
  expect(error).toBeUndefined();
  if (report?.result.kind !== "failure") throw new Error("not a failure");
  const { type, message, stack } = report.result.failure;
  expect([type.length, message.length, stack.length]).toEqual([256, 16_384, 65_536]);
});

test("cutting never splits a character", () => {
  expect(cut("aé", 2)).toBe("a");
  expect(cut("aé", 3)).toBe("aé");
  expect(cut("😀😀", 7)).toBe("😀");
  expect(cut("abc", 3)).toBe("abc");
});

test.each<[string, Init]>([
  ["output", { outcome: { case: "success", value: { output: new Uint8Array(262_145) } } }],
  ["children", { outcome: { case: "success", value: { children: { groups: [{ inputs: [] }] } } } }],
  ["outcome", { outcome: { case: undefined } }],
  ["failure.failure", { outcome: { case: "failure", value: {} } }],
  ["failure.outcome", { outcome: { case: "failure", value: { failure: {}, outcome: AttemptOutcome.LOST } } }],
  ["progress", { progress: Array.from({ length: 101 }, (_, i) => ({ label: String(i) })) }],
])("a result with a bad %s becomes a failure that is not tried again", (path, init) => {
  const { report, error } = check(init);
  expect(error?.facts.field).toContain(path);
  expect(report?.result).toMatchObject({ kind: "failure", retryable: false, failure: { type: INVALID_RESULT } });
  expect(report).toMatchObject({ taskId: lease.taskId, attempt: 1, token: lease.leaseToken });
});

test.each<[string, Init]>([
  ["task_id", { taskId: "nobody" }],
  ["attempt", { attempt: 0 }],
  ["lease_token", { leaseToken: new Uint8Array(3) }],
])("a result with a bad %s names no lease and is not recorded", (path, init) => {
  expect(check(init)).toMatchObject({ report: undefined, error: { facts: { field: path } } });
});

test("dropped telemetry beyond 2^53 is clamped, as a number that no column holds would spoil the batch", () => {
  expect(check({ droppedTelemetry: 2n ** 64n - 1n }).report?.droppedTelemetry).toBe(Number.MAX_SAFE_INTEGER);
});

test("a label given twice counts once; counts beyond 2^53 are clamped", () => {
  const progress = [
    { label: "a", done: 1n },
    { label: "a", done: 2n, total: 2n ** 63n },
  ];
  expect(check({ progress }).report?.progress).toEqual([{ label: "a", done: 2, total: Number.MAX_SAFE_INTEGER }]);
});

test("what the code put on its attempt's span is kept, an empty span is not", () => {
  expect(check({ attemptSpan: { name: "ignored" } }).report?.spanExtras.length).toBe(0);
  const attributes = [{ key: "k", value: { value: { case: "intValue" as const, value: 5n } } }];
  const extras = check({ attemptSpan: { attributes } }).report!.spanExtras;
  expect(fromBinary(SpanSchema, extras).attributes[0]?.key).toBe("k");
});

test("what is too much of an attempt's span is cut and counted, and its result stands", () => {
  const text = (key: string, length: number) => ({
    key,
    value: { value: { case: "stringValue" as const, value: "x".repeat(length) } },
  });
  const attemptSpan = {
    attributes: [text("large", 300_000), text("small", 10), text("half", 200_000)],
    droppedAttributesCount: 0xffff_ffff,
    events: Array.from({ length: 10 }, (_, i) => ({ name: `event ${i}`, attributes: [text("more", 10_000)] })),
    links: [{ traceId: new Uint8Array(16).fill(1), spanId: new Uint8Array(8).fill(2) }],
  };
  const { report, error } = check({ attemptSpan });
  expect(error).toBeUndefined();
  expect(report!.result.kind).toBe("success");
  expect(report!.spanExtras.length).toBeLessThanOrEqual(defaultLimits.maxOutputBytes);
  const span = fromBinary(SpanSchema, report!.spanExtras);
  expect(span.attributes.map(({ key }) => key)).toEqual(["small", "half"]);
  expect(span.events.map(({ name }) => name)).toEqual(Array.from({ length: 6 }, (_, i) => `event ${i}`));
  expect(span).toMatchObject({ droppedAttributesCount: 0xffff_ffff, droppedEventsCount: 4, droppedLinksCount: 0 });
  expect(span.links).toHaveLength(1);
});
