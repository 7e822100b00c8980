import { describe, expect, it } from "vitest";
import { type ScheduleEvidence, verdictOf } from "./trigger-evidence.ts";

const SECOND = 1_000_000;

/** A schedule that fired at each of these seconds. */
function firedAt(seconds: readonly number[], changes: Partial<ScheduleEvidence> = {}): ScheduleEvidence {
  const times = seconds.map((second, place) => ({ scheduledAtUs: second * SECOND, jobId: `job-${place}` }));
  return {
    name: "s",
    everyUs: SECOND,
    madeAtUs: 10 * SECOND,
    pausedAtUs: 14 * SECOND,
    firings: times.map((time) => ({ ...time, outcome: "SUBMITTED" })),
    jobs: times.map(({ scheduledAtUs, jobId }) => ({ scheduledAtUs, id: jobId })),
    ...changes,
  };
}

const verdict = (schedule: ScheduleEvidence) => verdictOf({ schedules: [schedule], triggers: [] });
const at = (second: number) => `s: 1970-01-01T00:00:${second}.000Z`;

describe("the verdict over schedules", () => {
  it("takes each time once, whether or not the one at which it was paused", () => {
    expect(verdict(firedAt([11, 12]))).toEqual([]);
    expect(verdict(firedAt([11, 12, 13, 14]))).toEqual([]);
  });

  it("tells a time that did not fire, and one that fired twice", () => {
    expect(verdict(firedAt([11]))).toEqual([`${at(12)} was never fired`]);
    expect(verdict(firedAt([11, 12, 12]))).toEqual([`${at(12)} was fired 2 times`, `${at(12)} has 2 jobs`]);
  });

  it("tells times that were missed", () => {
    const schedule = firedAt([12]);
    const missed = { scheduledAtUs: 11 * SECOND, jobId: "", outcome: "MISSED" };
    expect(verdict({ ...schedule, firings: [missed, ...schedule.firings] })).toEqual([`${at(11)} is MISSED`]);
  });

  it("tells jobs without firings, and firings without their jobs", () => {
    const schedule = firedAt([11, 12]);
    expect(verdict({ ...schedule, jobs: schedule.jobs.slice(1) })).toEqual([
      "s: 2 firings submitted a job, there are 1 jobs",
    ]);
    expect(verdict({ ...schedule, jobs: [...schedule.jobs, { id: "other", scheduledAtUs: 13 * SECOND }] })).toEqual([
      `${at(13)} has job other, which no firing names`,
      "s: 2 firings submitted a job, there are 3 jobs",
    ]);
  });
});

it("the verdict over events tells those that were lost, taken twice, or not meant for the trigger", () => {
  const verdictOn = (jobs: string[]) =>
    verdictOf({ schedules: [], triggers: [{ name: "t", acknowledged: ["a", "b"], jobs }] });
  expect(verdictOn(["b", "a"])).toEqual([]);
  expect(verdictOn(["a", "a", "c"])).toEqual([
    "t: event b started no job",
    "t: event a started 2 jobs",
    "t: event c was not for it",
  ]);
});
