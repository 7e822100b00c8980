import { JobState } from "@spanloom/protocol";
import { expect, test } from "vitest";
import type { JobRecord } from "../../store/store.ts";
import { jobEvent } from "./job-event.ts";

const counts = {
  ...{ blocked: 0, scheduled: 0, queued: 0, running: 0, waiting: 0 },
  ...{ succeeded: 0, failed: 1, cancelled: 0, skipped: 0 },
};
const startUs = Date.UTC(2026, 10, 21, 17, 5, 9) * 1000;
const failed: JobRecord = {
  id: "0190163d-8694-739b-aea5-966c26f8ad91",
  name: "report",
  state: JobState.FAILED,
  tags: { team: "x" },
  queue: "bulk",
  priority: -3,
  counts,
  attempts: 4,
  progress: [],
  failure: { type: "TypeError", message: "x is “undefined”", stack: "at run (secret.ts)" },
  failedTaskId: "0190163d-8694-739b-aea5-966c26f8ad92",
  createdAtUs: startUs - 1,
  startedAtUs: startUs + 42,
  endedAtUs: startUs + 2_000_000,
  idempotencyKey: "key",
  trace: {
    traceId: "0190163d8694739baea5966c26f8ad91",
    parentSpanId: "",
    tracestate: "a=b",
    baggage: "k=v",
    sampled: false,
  },
  trigger: {
    type: "event",
    source: { kind: "trigger", id: "0190163d-8694-739b-aea5-966c26f8ad93", name: "orders" },
    eventId: "event 1",
    scheduledAtUs: startUs,
    depth: 3,
  },
};

const payload = (...args: Parameters<typeof jobEvent>) => JSON.parse(Buffer.from(jobEvent(...args).payload).toString());

test("an end tells what the job is, how it ended and what had set it going", () => {
  expect(payload(failed, "failed")).toEqual({
    job_id: failed.id,
    name: "report",
    state: "failed",
    queue: "bulk",
    priority: -3,
    tags: { team: "x" },
    created_at: "2026-11-21T17:05:08.999999Z",
    started_at: "2026-11-21T17:05:09.000042Z",
    ended_at: "2026-11-21T17:05:11.000000Z",
    attempts: 4,
    failure: { type: "TypeError", message: "x is “undefined”" },
    failed_task_id: failed.failedTaskId,
    trigger: {
      ...{ type: "event", trigger: "orders", event_id: "event 1", scheduled_at: "2026-11-21T17:05:09.000000Z" },
      depth: 3,
    },
  });
});

test("the event stands in the job's trace and as deep as the job", () => {
  expect(jobEvent(failed, "failed")).toMatchObject({
    key: "spanloom.job.failed",
    source: "job",
    depth: 3,
    trace: {
      traceparent: "00-0190163d8694739baea5966c26f8ad91-aea5966c26f8ad91-00",
      tracestate: "a=b",
      baggage: "k=v",
    },
  });
});

test("a start knows nothing of an end that came with it", () => {
  const told = payload(failed, "started");
  expect(told.state).toBe("running");
  expect(Object.keys(told)).not.toEqual(expect.arrayContaining(["ended_at"]));
  expect([told.failure, told.failed_task_id]).toEqual([undefined, undefined]);
});

test("a job that somebody submitted and that never started has a manual trigger and no start", () => {
  const { trigger, startedAtUs, failure, failedTaskId, ...plain } = failed;
  const told = payload(plain, "cancelled");
  expect(told.trigger).toEqual({ type: "manual", depth: 0 });
  expect(Object.keys(told)).not.toContain("started_at");
  expect(jobEvent(plain, "cancelled").depth).toBe(0);
});

test("a job of a schedule names the schedule", () => {
  const source = { kind: "schedule", id: failed.id, name: "nightly" } as const;
  const told = payload({ ...failed, trigger: { type: "schedule", source, depth: 0 } }, "succeeded");
  expect(told.trigger).toEqual({ type: "schedule", schedule: "nightly", depth: 0 });
});

test("the same start or end has the same id, any other another", () => {
  const id = (...args: Parameters<typeof jobEvent>) => jobEvent(...args).id;
  expect(id(failed, "failed")).toBe(id({ ...failed, name: "other" }, "failed"));
  const others = [
    id(failed, "failed"),
    id(failed, "started"),
    id(failed, "cancelled"),
    id({ ...failed, id: failed.failedTaskId! }, "failed"),
    id({ ...failed, endedAtUs: failed.endedAtUs! + 1 }, "failed"),
    id({ ...failed, attempts: 5 }, "failed"),
  ];
  expect(new Set(others).size).toBe(others.length);
});
