import { toBinary } from "@bufbuild/protobuf";
import {
  defaultLimits,
  durationFromMs,
  OverlapPolicy,
  type PutScheduleRequest,
  PutScheduleRequestSchema,
  TraceMode,
  timestampFromUs,
} from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { canonicalSchedule, readSchedule } from "./schedule-definition.ts";
import { jobOfOne, scheduleRequest } from "./testing/schedule-request.ts";

const read = (request: PutScheduleRequest) => readSchedule(request, defaultLimits);
const encoded = (request: PutScheduleRequest) =>
  Buffer.from(toBinary(PutScheduleRequestSchema, canonicalSchedule(request, read(request)))).toString("hex");

const minute = { case: "cron", value: { expression: "* * * * *" } } as const;
const every = (ms: number) => ({ times: { case: "interval", value: { every: durationFromMs(ms) } } }) as const;

describe("a schedule's definition", () => {
  it("has defaults: skip what overlaps, catch up with nothing, keep a hundred firings, UTC", () => {
    expect(read(scheduleRequest())).toMatchObject({
      name: "nightly",
      spec: { kind: "cron", expression: "* * * * *", timeZone: "UTC" },
      jitterUs: 0,
      overlap: "skip",
      catchUpUs: 0,
      keepFirings: 100,
      template: { weight: 1, job: { name: "report", queue: "default" } },
    });
  });

  it("reads intervals, their anchor, and times of one firing", () => {
    const anchor = timestampFromUs(5_000_000)!;
    const times = { case: "interval", value: { every: durationFromMs(1_500), anchor } } as const;
    expect(read(scheduleRequest({ spec: { times, jitter: durationFromMs(20) } }))).toMatchObject({
      spec: { kind: "interval", everyUs: 1_500_000, anchorUs: 5_000_000 },
      jitterUs: 20_000,
    });
    const once = { times: { case: "once", value: timestampFromUs(7_000_000)! } } as const;
    expect(read(scheduleRequest({ spec: once })).spec).toEqual({ kind: "once", atUs: 7_000_000 });
  });

  it("lets a job have its own concurrency only where overlaps are allowed", () => {
    const job = { ...jobOfOne, concurrency: { key: "k", limit: 3 } };
    const allowed = read(scheduleRequest({ job, overlap: OverlapPolicy.ALLOW }));
    expect(allowed.template.job.concurrency).toEqual({ key: "k", limit: 3, policy: "wait" });
    expect(() => read(scheduleRequest({ job }))).toThrow(/job\.concurrency is given/);
  });

  it.each([
    ["name", { name: "" }, "is empty"],
    ["name", { name: "x".repeat(300) }, "limit 256"],
    ["description", { description: "x".repeat(5_000) }, "limit 4096"],
    ["spec", { spec: {} }, "is absent"],
    ["spec.cron.expression", { spec: { times: { case: "cron", value: { expression: "61 * * * *" } } } }, "61"],
    ["spec.cron.expression", { spec: { times: { case: "cron", value: { expression: "0 0 31 2 *" } } } }, "no date"],
    [
      "spec.cron.time_zone",
      { spec: { times: { case: "cron", value: { expression: "@daily", timeZone: "Mars/Base" } } } },
      "Mars/Base",
    ],
    ["spec.interval.every", { spec: every(999) }, "999 ms"],
    ["spec.interval.every", { spec: every(367 * 86_400_000) }, "allowed 1000.."],
    ["spec.interval.every", { spec: { times: { case: "interval", value: {} } } }, "is absent"],
    ["spec.jitter", { spec: { times: minute, jitter: durationFromMs(86_400_001) } }, "allowed 0..86400000"],
    ["catch_up", { catchUp: durationFromMs(-1) }, "is -1 ms"],
    ["keep_firings", { keepFirings: 10_001 }, "limit 10000"],
    ["overlap", { overlap: 9 as OverlapPolicy }, "is 9"],
    ["job", { job: undefined }, "is absent"],
    ["job.name", { job: { ...jobOfOne, name: "" } }, "is empty"],
    ["job.tasks", { job: { name: "n" } }, "is absent"],
    ["job.tasks.groups", { job: { ...jobOfOne, tasks: { specs: [], groups: [] } } }, "job.tasks.groups is empty"],
    ["job.tasks.specs[0].identifier", { job: { ...jobOfOne, tasks: { ...jobOfOne.tasks, specs: [{}] } } }, "is absent"],
    ["job.idempotency_key", { job: { ...jobOfOne, idempotencyKey: "k" } }, "each firing"],
    ["job.start_at", { job: { ...jobOfOne, startAt: timestampFromUs(1)! } }, "is given"],
    ["job.trace", { job: { ...jobOfOne, trace: { traceparent: "x" } } }, "each firing"],
    ["job.trace_mode", { job: { ...jobOfOne, traceMode: TraceMode.CHILD } }, "is CHILD"],
    ["job.queue", { job: { ...jobOfOne, queue: "q".repeat(300) } }, "limit 256"],
  ] as const)("is refused for its %s, named, in case %#", (field, changes, problem) => {
    expect(() => read(scheduleRequest(changes as never))).toThrow(problem);
    expect(() => read(scheduleRequest(changes as never))).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ field }) }),
    );
  });
});

describe("the canonical request of a schedule", () => {
  it("is the same for what means the same", () => {
    const spelled = scheduleRequest({
      spec: {
        times: { case: "cron", value: { expression: "  *  * * * * ", timeZone: "UTC" } },
        jitter: durationFromMs(0),
      },
      job: { ...jobOfOne, tags: { b: "2", a: "1" } },
      overlap: OverlapPolicy.SKIP,
      catchUp: durationFromMs(0),
      keepFirings: 100,
      paused: true,
    });
    const short = scheduleRequest({ job: { ...jobOfOne, tags: { a: "1", b: "2" } } });
    expect(encoded(spelled)).toBe(encoded(short));
  });

  it.each([
    { description: "d" },
    { keepFirings: 99 },
    { overlap: OverlapPolicy.ALLOW },
    { catchUp: durationFromMs(1) },
    { spec: every(1_000) },
    { spec: { times: minute, jitter: durationFromMs(1) } },
    { job: { ...jobOfOne, tags: { a: "1" } } },
  ])("is another for what differs, in case %#", (changes) => {
    expect(encoded(scheduleRequest(changes))).not.toBe(encoded(scheduleRequest()));
  });

  it("reads as what it was made from", () => {
    const request = scheduleRequest({ spec: every(90_000), catchUp: durationFromMs(3_000), description: "d" });
    const definition = read(request);
    expect(read(canonicalSchedule(request, definition))).toEqual(definition);
  });
});
