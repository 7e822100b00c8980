import { create } from "@bufbuild/protobuf";
import { CloneJobRequestSchema, defaultLimits, spanIdOf, TraceMode, traceIdOfJob } from "@spanloom/protocol";
import { describe, expect, test } from "vitest";
import type { NewJob } from "../store/store.ts";
import { toClonedJob } from "./clone-job.ts";
import { defaultRetryRule } from "./retry-policy.ts";

const ORIGINAL = "01890000-0000-7000-8000-000000000001";
const CLONE = "01890000-0000-7000-8000-000000000002";

const submission: NewJob = {
  id: ORIGINAL,
  name: "original",
  tasks: { specs: [], groups: [] },
  tags: { team: "a", try: "1" },
  queue: "bulk",
  priority: 3,
  startAtUs: 5_000,
  deadlineUs: 11_000,
  idempotencyKey: "",
  requestHash: "",
  trace: { traceId: "t".repeat(32), parentSpanId: "p".repeat(16), tracestate: "v=1", baggage: "b=1", sampled: false },
};

function clone(edits: object = {}, original = submission): NewJob {
  const request = create(CloneJobRequestSchema, { jobId: ORIGINAL, ...edits });
  const context = { jobId: CLONE, nowUs: 100_000, limits: defaultLimits };
  return toClonedJob(request, { submission: original, createdAtUs: 1_000 }, context);
}

describe("a clone", () => {
  test("is submitted as its original was, now and with as much time, in a trace that links to it", () => {
    expect(clone()).toEqual({
      id: CLONE,
      name: "original",
      tasks: submission.tasks,
      tags: { team: "a", try: "1" },
      queue: "bulk",
      priority: 3,
      deadlineUs: 110_000,
      idempotencyKey: "",
      requestHash: "",
      trace: {
        traceId: traceIdOfJob(CLONE),
        parentSpanId: "",
        link: { traceId: "t".repeat(32), spanId: spanIdOf(ORIGINAL), type: "clone" },
        tracestate: "",
        baggage: "b=1",
        sampled: false,
      },
      trigger: { type: "clone", clonedJobId: ORIGINAL, depth: 0 },
    });
    const { deadlineUs: _none, ...without } = submission;
    expect(clone({}, without).deadlineUs).toBeUndefined();
  });

  test("is in the trace of whoever clones, below their span or linked to it, and links to the original", () => {
    const caller = { traceId: "a".repeat(32), spanId: "b".repeat(16) };
    const trace = { traceparent: `00-${caller.traceId}-${caller.spanId}-01`, tracestate: "k=v", baggage: "" };
    const link = { traceId: "t".repeat(32), spanId: spanIdOf(ORIGINAL), type: "clone" };
    const inherited = { link, tracestate: "k=v", baggage: "b=1", sampled: true };
    expect(clone({ trace }).trace).toEqual({ ...inherited, traceId: caller.traceId, parentSpanId: caller.spanId });
    expect(clone({ trace: { ...trace, baggage: "own=1" }, traceMode: TraceMode.LINK }).trace).toEqual({
      ...inherited,
      traceId: traceIdOfJob(CLONE),
      parentSpanId: "",
      submitterLink: caller,
      baggage: "own=1",
    });
    expect(clone({ trace: { ...trace, traceparent: "nonsense" } }).trace).toEqual(clone().trace);
  });

  test("takes edits: a name, tags that win, and roots", () => {
    const tasks = {
      specs: [{ identifier: { name: "other", version: "1.0" } }],
      groups: [{ inputs: [new Uint8Array(1)], specs: [0] }],
    };
    const edited = clone({ name: "edited", tags: { try: "2", more: "yes" }, tasks });
    expect(edited).toMatchObject({ name: "edited", tags: { team: "a", try: "2", more: "yes" }, queue: "bulk" });
    expect(edited.tasks.specs).toMatchObject([{ name: "other", major: 1 }]);
  });

  test("takes other inputs for some roots, which keep all else that they were submitted with", () => {
    const [a, b, c, d] = [1, 2, 3, 4].map((byte) => new Uint8Array([byte]));
    const spec = { name: "t", major: 1, minor: 0, optional: false, retry: { ...defaultRetryRule, maxAttempts: 7 } };
    const groups = [
      { inputs: [a!, b!], specs: [0], dependsOn: [], displays: ["first", "second"] },
      { inputs: [c!], specs: [0], dependsOn: [0], displays: [] },
    ];
    const original = { ...submission, tasks: { specs: [{ ...spec, attemptTimeoutMs: 5 }], groups } };
    const { tasks } = clone({ inputs: { 1: d!, 2: new Uint8Array() } }, original);
    expect(tasks).toEqual({
      specs: original.tasks.specs,
      groups: [
        { ...groups[0], inputs: [a, d] },
        { ...groups[1], inputs: [new Uint8Array()] },
      ],
    });
    expect(() => clone({ inputs: { 3: d! } }, original)).toThrow("inputs names root 3, but there are 3");
    expect(() => clone({ inputs: { 0: new Uint8Array(defaultLimits.maxInputBytes + 1) } }, original)).toThrow(
      "inputs[0] has 262145 bytes, limit 262144",
    );
    expect(() => clone({ inputs: { 0: d! }, tasks: { groups: [] } }, original)).toThrow(/together with tasks/);
  });

  test("under a key has a hash of what was asked for, whatever the order of tags", () => {
    const hash = (edits: object) => clone({ idempotencyKey: "k", ...edits }).requestHash;
    expect(hash({ tags: { a: "1", b: "2" } })).toBe(hash({ tags: { b: "2", a: "1" } }));
    expect(hash({})).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set([hash({}), hash({ name: "x" }), hash({ tags: { a: "1" } })]).size).toBe(3);
    const one = {
      groups: [{ inputs: [new Uint8Array(), new Uint8Array()], specs: [0], dependsOn: [], displays: [] }],
      specs: [],
    };
    const withInput = (inputs: object) =>
      clone({ idempotencyKey: "k", inputs }, { ...submission, tasks: one }).requestHash;
    const [x, y] = [new Uint8Array([1]), new Uint8Array([2])];
    expect(withInput({ 0: x, 1: y })).toBe(withInput({ 1: y, 0: x }));
    expect(withInput({ 0: x })).not.toBe(withInput({ 1: x }));
    expect(hash({})).toBe(clone({ idempotencyKey: "other" }).requestHash);
    expect(hash({})).toBe(hash({ trace: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` } }));
  });

  test("is held to the limits of a submission, its tags together", () => {
    const tags = Object.fromEntries(Array.from({ length: 63 }, (_, i) => [`k${i}`, ""]));
    expect(() => clone({ tags })).toThrow("tags has 65 tags, limit 64");
    expect(() => clone({ name: "x".repeat(257) })).toThrow("name has 257 bytes, limit 256");
    expect(() => clone({ tasks: { groups: [] } })).toThrow(/tasks\.groups is empty/);
  });
});
