import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ConcurrencyPolicy,
  defaultLimits,
  durationFromMs,
  SpanloomError,
  SubmitJobRequestSchema,
  timestampFromUs,
} from "@spanloom/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { requestHash, toNewJob } from "./submission.ts";

type Init = MessageInitShape<typeof SubmitJobRequestSchema>;

const nowUs = Date.UTC(2026, 0, 1) * 1000;
const context = { jobId: "01890a5d-ac96-774b-bcce-b302099a8057", nowUs, limits: defaultLimits };
const input = new Uint8Array([1]);
const spec = { identifier: { name: "task" } };
const valid: Init = { name: "job", tasks: { specs: [spec], groups: [{ inputs: [input], specs: [0] }] } };
const convert = (init: Init) => toNewJob(create(SubmitJobRequestSchema, { ...valid, ...init } as Init), context);
const ofSpec = (extra: object): Init => ({
  tasks: { specs: [{ ...spec, ...extra }], groups: [{ inputs: [input], specs: [0] }] },
});
const ofGroups = (...groups: object[]): Init => ({
  tasks: { specs: [spec, spec], groups: groups.map((group) => ({ inputs: [input], specs: [0], ...group })) },
});

function refusal(init: Init): SpanloomError {
  try {
    convert(init);
  } catch (error) {
    if (error instanceof SpanloomError) return error;
    throw error;
  }
  throw new Error("the submission was accepted");
}

test("defaults are filled in", () => {
  expect(convert({})).toMatchObject({
    queue: "default",
    priority: 0,
    tags: {},
    idempotencyKey: "",
    requestHash: "",
    tasks: {
      specs: [
        {
          name: "task",
          major: 1,
          minor: 0,
          optional: false,
          retry: { maxAttempts: 1, initialDelayMs: 1_000, factor: 2, maxDelayMs: 300_000, jitter: 0 },
        },
      ],
      groups: [{ dependsOn: [], specs: [0], displays: [] }],
    },
  });
  expect(convert({})).not.toHaveProperty("deadlineUs");
});

test("durations and times become milliseconds and microseconds", () => {
  const job = convert({
    deadline: durationFromMs(1_500),
    startAt: timestampFromUs(nowUs + 5)!,
    ...ofSpec({ attemptTimeout: durationFromMs(2_000), startDelay: durationFromMs(30), priority: -4, queue: "q" }),
  });
  expect(job).toMatchObject({ deadlineUs: nowUs + 1_500_000, startAtUs: nowUs + 5 });
  expect(job.tasks.specs[0]).toMatchObject({ attemptTimeoutMs: 2_000, startDelayMs: 30, priority: -4, queue: "q" });
});

test("a start time that has passed means now", () => {
  expect(convert({ startAt: timestampFromUs(nowUs - 1)! })).not.toHaveProperty("startAtUs");
});

test("dependencies are kept once each, in order", () => {
  const job = convert(ofGroups({}, {}, { dependsOn: [1, 0, 1] }));
  expect(job.tasks.groups[2]!.dependsOn).toEqual([0, 1]);
});

test("a group that names no spec has the only one, and must name one of several", () => {
  const job = convert({ tasks: { specs: [spec], groups: [{ inputs: [input, input] }] } });
  expect(job.tasks.groups[0]!.specs).toEqual([0]);
  expect(refusal(ofGroups({ specs: [] })).message).toContain("tasks.groups[0].specs has 0 entries for 1 tasks");
});

const long = (bytes: number) => "x".repeat(bytes + 1);
const field = (reason: string, path: string, init: Init) => [reason, path, init] as const;

test.each([
  field("INVALID_FIELD", "name", { name: "" }),
  field("LIMIT_EXCEEDED", "name", { name: long(256) }),
  field("INVALID_FIELD", "name", { name: "a\0b" }),
  field("LIMIT_EXCEEDED", "queue", { queue: long(256) }),
  field("LIMIT_EXCEEDED", "idempotency_key", { idempotencyKey: long(256) }),
  field("INVALID_FIELD", "tags key", { tags: { "": "v" } }),
  field("LIMIT_EXCEEDED", 'tags["k"]', { tags: { k: long(256) } }),
  field("LIMIT_EXCEEDED", "tags", { tags: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""])) }),
  field("INVALID_FIELD", "deadline", { deadline: durationFromMs(0) }),
  field("INVALID_FIELD", "deadline", { deadline: durationFromMs(-5) }),
  field("INVALID_FIELD", "start_at", { startAt: { seconds: -1n, nanos: 0 } }),
  field("INVALID_FIELD", "start_at", { startAt: { seconds: 1n, nanos: 2_000_000_000 } }),
  field("INVALID_FIELD", "concurrency.key", { concurrency: { key: "", limit: 1 } }),
  field("INVALID_FIELD", "concurrency.limit", { concurrency: { key: "k", limit: 0 } }),
  field("INVALID_FIELD", "concurrency.policy", {
    concurrency: { key: "k", limit: 1, policy: 99 as ConcurrencyPolicy },
  }),
  field("INVALID_FIELD", "tasks.groups", { tasks: { specs: [spec], groups: [] } }),
  field("INVALID_FIELD", "tasks.groups[0].inputs", ofGroups({ inputs: [] })),
  field("LIMIT_EXCEEDED", "tasks.groups[1].inputs[0]", ofGroups({}, { inputs: [new Uint8Array(256 * 1024 + 1)] })),
  field("LIMIT_EXCEEDED", "tasks.groups", ofGroups({ inputs: Array.from({ length: 100_001 }, () => input) })),
  field("LIMIT_EXCEEDED", "tasks.groups", ofGroups(...Array.from({ length: 4_097 }, () => ({})))),
  field("INVALID_FIELD", "tasks.groups[0].specs", ofGroups({ specs: [2] })),
  field("INVALID_FIELD", "tasks.groups[0].specs", ofGroups({ specs: [0, 1] })),
  field("INVALID_FIELD", "tasks.groups[0].displays", ofGroups({ displays: ["a", "b"] })),
  field("INVALID_DEPENDENCY", "tasks.groups[1].depends_on", ofGroups({}, { dependsOn: [1] })),
  field("INVALID_DEPENDENCY", "tasks.groups[0].depends_on", ofGroups({ dependsOn: [1] }, {})),
  field("INVALID_DEPENDENCY", "tasks.groups[1].depends_on", ofGroups({}, { dependsOn: [99] })),
  field("INVALID_FIELD", "tasks.specs[0].identifier", ofSpec({ identifier: undefined })),
  field("INVALID_FIELD", "tasks.specs[0].identifier.name", ofSpec({ identifier: { name: "" } })),
  field("INVALID_FIELD", "tasks.specs[0].identifier.version", ofSpec({ identifier: { name: "a", version: "one" } })),
  field("INVALID_FIELD", "tasks.specs[0].attempt_timeout", ofSpec({ attemptTimeout: durationFromMs(0) })),
  field("INVALID_FIELD", "tasks.specs[0].retry.max_attempts", ofSpec({ retry: { maxAttempts: 1_001 } })),
  field("INVALID_FIELD", "tasks.specs[0].retry.factor", ofSpec({ retry: { factor: 0.5 } })),
  field("INVALID_FIELD", "tasks.specs[0].retry.factor", ofSpec({ retry: { factor: Number.NaN } })),
  field("INVALID_FIELD", "tasks.specs[0].retry.jitter", ofSpec({ retry: { jitter: 1.5 } })),
  field("INVALID_FIELD", "tasks.specs[0].retry.non_retryable_types[0]", ofSpec({ retry: { nonRetryableTypes: [""] } })),
  field("INVALID_FIELD", "tasks.specs[0].concurrency.limit", ofSpec({ concurrency: { key: "k", limit: 100_001 } })),
  field(
    "LIMIT_EXCEEDED",
    "tasks.specs[0].concurrency.key",
    ofSpec({ concurrency: { key: "k".repeat(257), limit: 1 } }),
  ),
  field("INVALID_FIELD", "tasks.specs[0].rate_limit.window", ofSpec({ rateLimit: { key: "k", limit: 1 } })),
  field(
    "INVALID_FIELD",
    "tasks.specs[0].rate_limit.window",
    ofSpec({ rateLimit: { key: "k", limit: 1, window: durationFromMs(86_400_001) } }),
  ),
  field(
    "INVALID_FIELD",
    "tasks.specs[0].rate_limit.limit",
    ofSpec({ rateLimit: { key: "k", limit: 0, window: durationFromMs(1) } }),
  ),
  field("INVALID_FIELD", "tasks.specs[0].queue_timeout", ofSpec({ queueTimeout: durationFromMs(0) })),
])("%s names %s", (reason, path, init) => {
  const error = refusal(init);
  expect(error).toMatchObject({ reason, facts: { field: path } });
  expect(error.message).toMatch(/^cannot /);
  expect(error.message).toContain(path);
});

test("a limit that is crossed is named with what crossed it", () => {
  expect(refusal({ name: long(256) }).facts).toEqual({ field: "name", limit: 256, actual: 257 });
});

test("limits count bytes of UTF-8, not characters", () => {
  expect(() => convert({ name: "é".repeat(128) })).not.toThrow();
  expect(refusal({ name: "é".repeat(129) }).facts).toMatchObject({ actual: 258 });
});

test("the hash tells requests apart, but not by key, trace context or order of tags", () => {
  const hash = (init: Init) => requestHash(create(SubmitJobRequestSchema, { ...valid, ...init } as Init));
  const plain = hash({ tags: { a: "1", b: "2" } });
  expect(hash({ tags: { b: "2", a: "1" }, idempotencyKey: "k" })).toBe(plain);
  expect(hash({ tags: { a: "1", b: "2" }, trace: { traceparent: "00-x" } })).toBe(plain);
  expect(hash({ tags: { a: "1", b: "3" } })).not.toBe(plain);
  expect(hash({ tags: { a: "1", b: "2" }, name: "other" })).not.toBe(plain);
});

test("whatever is submitted is accepted whole or refused by name", () => {
  const group = fc.record({
    inputs: fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 3 }),
    specs: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
    dependsOn: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    displays: fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 }),
  });
  const request = fc.record({
    name: fc.string({ maxLength: 300 }),
    tasks: fc.record({
      specs: fc.array(
        fc.record({
          identifier: fc.record({ name: fc.string({ maxLength: 3 }), version: fc.constantFrom("", "1.0", "x") }),
          retry: fc.record({ maxAttempts: fc.nat(2_000), factor: fc.double(), jitter: fc.double() }),
        }),
        { maxLength: 3 },
      ),
      groups: fc.array(group, { maxLength: 4 }),
    }),
  });
  fc.assert(
    fc.property(request, (init) => {
      try {
        const { tasks } = convert(init);
        for (const [index, { inputs, specs, dependsOn }] of tasks.groups.entries()) {
          expect(inputs.length).toBeGreaterThan(0);
          expect(specs.every((each) => each < tasks.specs.length)).toBe(true);
          expect(dependsOn.every((each) => each < index)).toBe(true);
        }
        for (const { retry } of tasks.specs) expect(retry.factor).toBeGreaterThanOrEqual(1);
      } catch (error) {
        if (!(error instanceof SpanloomError)) throw error;
        expect(error.code).not.toBe(13);
        expect(error.facts.field).toBeTruthy();
      }
    }),
    { numRuns: 500 },
  );
});
