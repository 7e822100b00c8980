import {
  defaultLimits,
  durationFromMs,
  firingSpan,
  isUuid,
  OverlapPolicy,
  spanIdOf,
  traceIdOfJob,
} from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import type { NewJob } from "../../store/store.ts";
import type { NewFiring } from "../../store/trigger-store.ts";
import {
  backfillFiring,
  failedFiring,
  keyedFiringId,
  missedFiring,
  requestedFiring,
  timedFiring,
} from "./fired-job.ts";
import { firingId } from "./firing-id.ts";
import { readSchedule } from "./schedule-definition.ts";
import { jobOfOne, scheduleRequest } from "./testing/schedule-request.ts";

const ID = "01890000-0000-7000-8000-000000000001";
const TIME = 1_700_000_000_000_000;
const NOW = TIME + 250_000;

function schedule(overlap: OverlapPolicy = OverlapPolicy.SKIP, job: object = jobOfOne) {
  return { id: ID, definition: readSchedule(scheduleRequest({ overlap, job }), defaultLimits) };
}

function jobOf({ what }: NewFiring): NewJob {
  if (!("job" in what)) throw new Error("no job");
  return what.job;
}

describe("a time that fires", () => {
  it("submits the template's job in a trace of its own that links to the firing, and says what set it going", () => {
    const firing = timedFiring(schedule(), TIME, NOW);
    const job = jobOf(firing);
    expect(firing).toMatchObject({ id: job.id, scheduledAtUs: TIME, requested: false });
    expect(job).toMatchObject({
      name: "report",
      queue: "default",
      idempotencyKey: `schedule/${ID}/${TIME}`,
      trigger: {
        type: "schedule",
        source: { kind: "schedule", id: ID, name: "nightly" },
        scheduledAtUs: TIME,
        depth: 0,
      },
      trace: {
        traceId: traceIdOfJob(job.id),
        parentSpanId: "",
        link: { ...firingSpan(job.id), type: "firing" },
        sampled: true,
      },
    });
    expect(job.requestHash).not.toBe("");
    expect(job.deadlineUs).toBeUndefined();
  });

  it("has an id of its time alone, as a UUIDv7 of that time, unlike those of other times and schedules", () => {
    const { id } = timedFiring(schedule(), TIME, NOW);
    expect(timedFiring(schedule(OverlapPolicy.ALLOW), TIME, NOW + 5).id).toBe(id);
    expect(isUuid(id) && id.slice(0, 15)).toBe("018bcfe5-6800-7");
    expect(id.slice(0, 13).replace("-", "")).toBe((TIME / 1000).toString(16).padStart(12, "0"));
    expect(id[19]).toMatch(/[89ab]/);
    const others = [
      timedFiring(schedule(), TIME + 1, NOW),
      timedFiring({ ...schedule(), id: ID.replace("1", "2") }, TIME, NOW),
      missedFiring(ID, TIME, 3),
      failedFiring(ID, TIME, "why"),
    ];
    expect(new Set([id, keyedFiringId(ID, TIME, "k"), ...others.map((each) => each.id)]).size).toBe(6);
  });

  it("gives its job as long as the template says, from now on", () => {
    const job = { ...jobOfOne, deadline: durationFromMs(1_000) };
    expect(jobOf(timedFiring(schedule(OverlapPolicy.SKIP, job), TIME, NOW)).deadlineUs).toBe(NOW + 1_000_000);
  });

  it.each([
    [OverlapPolicy.SKIP, { key: `schedule/${ID}`, limit: 1, policy: "rejectNew" }],
    [OverlapPolicy.QUEUE_ONE, { key: `schedule/${ID}`, limit: 1, policy: "wait", maxWaiting: 1 }],
    [OverlapPolicy.CANCEL_RUNNING, { key: `schedule/${ID}`, limit: 1, policy: "cancelRunning" }],
    [OverlapPolicy.ALLOW, undefined],
  ])("meets earlier jobs by policy %s as its concurrency rule", (overlap, concurrency) => {
    expect(jobOf(timedFiring(schedule(overlap), TIME, NOW)).concurrency).toEqual(concurrency);
    expect(
      jobOf(requestedFiring(schedule(overlap), { id: ID, atUs: NOW, nowUs: NOW, trace: undefined })).concurrency,
    ).toEqual(concurrency);
  });

  it("leaves a template its own concurrency where overlaps are allowed", () => {
    const job = { ...jobOfOne, concurrency: { key: "own", limit: 2 } };
    const own = { key: "own", limit: 2, policy: "wait" };
    expect(jobOf(timedFiring(schedule(OverlapPolicy.ALLOW, job), TIME, NOW)).concurrency).toEqual(own);
    expect(jobOf(backfillFiring(schedule(OverlapPolicy.ALLOW, job), TIME, NOW)).concurrency).toEqual(own);
  });
});

describe("a backfill", () => {
  it("fires a time as the schedule does, but its jobs wait for each other", () => {
    const [own, filled] = [timedFiring(schedule(), TIME, NOW), backfillFiring(schedule(), TIME, NOW)];
    expect(filled).toMatchObject({ id: own.id, requested: true });
    expect(jobOf(filled)).toMatchObject({
      idempotencyKey: jobOf(own).idempotencyKey,
      requestHash: jobOf(own).requestHash,
      concurrency: { key: `schedule/${ID}`, limit: 1, policy: "wait" },
      trigger: { type: "schedule", backfill: true },
    });
    expect(jobOf(filled).concurrency).not.toHaveProperty("maxWaiting");
  });
});

describe("a firing by hand", () => {
  it("is of type manual, names the schedule, and links to whoever asks as well", () => {
    const caller = { traceId: "a".repeat(32), spanId: "b".repeat(16) };
    const trace = { traceparent: `00-${caller.traceId}-${caller.spanId}-00`, tracestate: "k=v", baggage: "x=1" };
    const id = firingId(TIME, "any");
    const firing = requestedFiring(schedule(), { id, atUs: NOW, nowUs: NOW, trace: trace as never });
    expect(firing).toMatchObject({ id, scheduledAtUs: NOW, requested: true });
    expect(jobOf(firing)).toMatchObject({
      id,
      trigger: { type: "manual", source: { kind: "schedule", id: ID, name: "nightly" }, depth: 0 },
      trace: {
        traceId: traceIdOfJob(id),
        link: { ...firingSpan(id), type: "firing" },
        submitterLink: caller,
        tracestate: "k=v",
        baggage: "x=1",
        sampled: false,
      },
    });
    expect(jobOf(firing).trace.link?.spanId).not.toBe(spanIdOf(id));
  });
});
