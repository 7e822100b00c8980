import { create, toBinary } from "@bufbuild/protobuf";
import { defaultLimits, durationFromMs, type Limits, PutScheduleRequestSchema } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { jobOfOne } from "../engine/trigger/testing/schedule-request.ts";
import type { DefinitionRecord } from "../store/trigger-store.ts";
import { DecodedSchedules } from "./decoded-schedules.ts";
import { planSchedule } from "./plan-schedule.ts";
import { scheduleRecord } from "./testing/schedule-record.ts";

const MINUTE = 60_000_000;
/** A whole minute. */
const T0 = 1_700_000_040_000_000;

function plan(record: DefinitionRecord, wallUs: number, limits: Limits = defaultLimits) {
  const decoded = new DecodedSchedules(limits).get(record);
  return planSchedule(record, decoded, { wallUs, nowUs: wallUs + 7 });
}

describe("a schedule that is due", () => {
  it("fires its time and is moved on to the next, from where it was read", () => {
    const record = scheduleRecord({ revision: 4, nextAtUs: T0, lastAtUs: T0 - MINUTE });
    expect(plan(record, T0 + 5)).toMatchObject({
      scheduleId: record.id,
      advance: { revision: 4, fromUs: T0, nextAtUs: T0 + MINUTE, lastAtUs: T0 },
      firings: [{ scheduledAtUs: T0, requested: false, what: { job: { name: "report" } } }],
      weight: 1,
      fireAtUs: [T0],
    });
  });

  it("records what lies too far back as one firing, and fires what the catch-up window covers", () => {
    const at = { nextAtUs: T0, lastAtUs: T0 - MINUTE };
    const missed = plan(scheduleRecord(at), T0 + 10 * MINUTE + 1);
    expect(missed.firings.map(({ what }) => ("missed" in what ? what.missed : "job"))).toEqual([10, "job"]);
    expect(missed.firings[0]).toMatchObject({ scheduledAtUs: T0 });
    expect(missed.advance).toMatchObject({ lastAtUs: T0 + 10 * MINUTE, nextAtUs: T0 + 11 * MINUTE });
    const caughtUp = plan(scheduleRecord(at, { catchUp: durationFromMs(3_600_000) }), T0 + 10 * MINUTE + 1);
    expect(caughtUp.firings.map(({ scheduledAtUs }) => (scheduledAtUs - T0) / MINUTE)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
  });

  it("fires few times at once of a job that weighs much, and the rest later", () => {
    const inputs = Array.from({ length: 900 }, () => new Uint8Array([49]));
    const job = { name: "wide", tasks: { ...jobOfOne.tasks, groups: [{ inputs, specs: [0] }] } };
    const record = scheduleRecord({ nextAtUs: T0, lastAtUs: T0 - MINUTE }, { job, catchUp: durationFromMs(3_600_000) });
    expect(plan(record, T0 + 5 * MINUTE)).toMatchObject({
      weight: 1_800,
      fireAtUs: [T0, T0 + MINUTE],
      advance: { lastAtUs: T0 + MINUTE, nextAtUs: T0 + 2 * MINUTE },
    });
  });

  it("whose job this server refuses fails by its times, and is moved on as ever", () => {
    const record = scheduleRecord({ nextAtUs: T0, lastAtUs: T0 - MINUTE });
    const { firings, advance } = plan(record, T0, { ...defaultLimits, maxNameBytes: 3 });
    expect(firings).toEqual([
      expect.objectContaining({ scheduledAtUs: T0, what: { error: expect.stringContaining("limit 3") } }),
    ]);
    expect(advance).toMatchObject({ nextAtUs: T0 + MINUTE, lastAtUs: T0 });
  });

  it("that cannot be read fails, and is looked at again in a minute, as if no time had passed", () => {
    const record = scheduleRecord({ body: new Uint8Array([255, 255]), nextAtUs: T0, lastAtUs: T0 - MINUTE });
    const { firings, advance } = plan(record, T0 + 9);
    expect(firings).toEqual([expect.objectContaining({ what: { error: expect.stringContaining("cannot read") } })]);
    expect(advance).toEqual({ revision: 1, fromUs: T0, nextAtUs: T0 + 9 + MINUTE, lastAtUs: T0 - MINUTE });
    const empty = scheduleRecord({ body: toBinary(PutScheduleRequestSchema, create(PutScheduleRequestSchema)) });
    expect(plan(empty, T0).firings).toEqual([expect.objectContaining({ what: { error: expect.any(String) } })]);
  });

  it("fires nothing again when the clock was set back, and waits until it has come there again", () => {
    const record = scheduleRecord({ nextAtUs: T0 - 60 * MINUTE, lastAtUs: T0 });
    expect(plan(record, T0 - 60 * MINUTE)).toMatchObject({
      firings: [],
      advance: { nextAtUs: T0 + MINUTE, lastAtUs: T0 },
    });
  });
});

it("schedules are decoded once for each revision", () => {
  const decoded = new DecodedSchedules(defaultLimits);
  const record = scheduleRecord({});
  const first = decoded.get(record);
  expect(decoded.get({ ...record, nextAtUs: 5 })).toBe(first);
  expect(decoded.get({ ...record, revision: 2 })).not.toBe(first);
});
