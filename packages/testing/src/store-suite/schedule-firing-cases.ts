import type { DefinitionRecord, NewFiring } from "@spanloom/server/store";
import { expect } from "vitest";
import { type StoreDriver, taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";
import {
  advance,
  current,
  expectNoJobs,
  fire,
  firingsOf,
  idleFiring,
  jobFiring,
  newDefinition,
  putNew,
  putTrigger,
  triggersOf,
} from "./trigger-sketches.ts";

const MINUTE_US = 60_000_000;

/** A schedule that is due now. */
function putDue(driver: StoreDriver, name = "nightly"): Promise<DefinitionRecord> {
  return putNew(driver, { name, nextAtUs: driver.clock.nowUs() });
}

/** Its firing asked for, out of its turn. */
const asked = (schedule: DefinitionRecord, ...firings: readonly NewFiring[]) => ({ scheduleId: schedule.id, firings });

/** Times of schedules: when they are due, and what comes of each. */
export const scheduleFiringCases: Cases = {
  "schedules are due by their time, the longest due first, no more than asked for": async (driver) => {
    const triggers = triggersOf(driver);
    const nowUs = driver.clock.nowUs();
    expect(await triggers.nextScheduleUs()).toBeUndefined();
    for (const [name, offset] of Object.entries({ later: 2, first: -2, second: -1, now: 0 })) {
      await putNew(driver, { name, nextAtUs: nowUs + offset });
    }
    await putNew(driver, { name: "spent" });
    await putNew(driver, { name: "paused", paused: true });
    await putTrigger(driver);
    const due = async (atUs: number, limit: number) =>
      (await triggers.dueSchedules(atUs, limit)).map(({ name }) => name);
    expect(await triggers.nextScheduleUs()).toBe(nowUs - 2);
    expect(await due(nowUs, 10)).toEqual(["first", "second", "now"]);
    expect(await due(nowUs, 2)).toEqual(["first", "second"]);
    expect(await due(nowUs - 3, 10)).toEqual([]);
    expect(await due(nowUs + 2, 10)).toEqual(["first", "second", "now", "later"]);
    await triggers.delete("schedule", "first");
    expect(await triggers.nextScheduleUs()).toBe(nowUs - 1);
  },

  "a time that is fired submits its job, is recorded, and moves its schedule on": async (driver) => {
    const schedule = await putDue(driver);
    const nextAtUs = schedule.nextAtUs! + MINUTE_US;
    const firing = jobFiring(driver, schedule, { scheduledAtUs: schedule.nextAtUs! });
    driver.clock.advance(5);
    let changes = 0;
    const ready: string[] = [];
    driver.store.on("changed", () => changes++);
    driver.store.on("ready", (queues) => ready.push(...queues.keys()));
    const [fired] = await fire(driver, advance(schedule, [firing], nextAtUs));
    expect(fired).toEqual([
      {
        seq: expect.any(Number),
        ...{ id: firing.id, sourceId: schedule.id, outcome: "submitted", jobId: firing.id },
        ...{ scheduledAtUs: schedule.nextAtUs, firedAtUs: driver.clock.nowUs() },
        ...{ eventId: "", error: "", requested: false, count: 1 },
      },
    ]);
    expect([changes, ready]).toEqual([1, ["default"]]);
    const moved = await current(schedule, driver);
    expect(moved).toMatchObject({ nextAtUs, lastAtUs: schedule.nextAtUs, revision: 1, lastFiring: fired![0] });
    expect(await triggersOf(driver).nextScheduleUs()).toBe(nextAtUs);
    expect(await firingsOf(driver, schedule)).toEqual(fired);
    expect((await driver.claimOne()).jobId).toBe(firing.id);
    const [spent] = await fire(driver, advance(moved, [], undefined));
    expect(spent).toEqual([]);
    expect(await triggersOf(driver).nextScheduleUs()).toBeUndefined();
    expect((await current(schedule, driver)).nextAtUs).toBeUndefined();
  },

  "a schedule that is not where the caller saw it fires nothing, and the others of the call do": async (driver) => {
    const names = ["moved", "changed", "deleted", "good"];
    const seen = [];
    for (const name of names) seen.push(await putDue(driver, name));
    const [moved, changed, , good] = seen as [DefinitionRecord, ...DefinitionRecord[]];
    const nextAtUs = driver.clock.nowUs() + MINUTE_US;
    await fire(driver, advance(moved, [], nextAtUs));
    await triggersOf(driver).put({ ...changed!, body: Buffer.from("new") }, 1);
    await triggersOf(driver).delete("schedule", "deleted");
    const firings = seen.map((schedule) => jobFiring(driver, schedule));
    const fired = await fire(driver, ...seen.map((schedule, i) => advance(schedule, [firings[i]!], nextAtUs + 1)));
    expect(fired.map((records) => records?.length)).toEqual([undefined, undefined, undefined, 1]);
    await expectNoJobs(driver, ...firings.slice(0, 3).map(({ id }) => id));
    expect(await firingsOf(driver, moved)).toEqual([]);
    expect((await current(moved, driver)).nextAtUs).toBe(nextAtUs);
    expect((await current(changed!, driver)).nextAtUs).toBe(driver.clock.nowUs());
    expect((await current(good!, driver)).nextAtUs).toBe(nextAtUs + 1);
    expect(await driver.jobState(firings[3]!.id)).toBe("QUEUED");
  },

  "of two who fire the same time one does": async (driver) => {
    const schedule = await putDue(driver);
    const firing = jobFiring(driver, schedule);
    const move = advance(schedule, [firing], driver.clock.nowUs() + MINUTE_US);
    const fired = (await Promise.all([fire(driver, move), fire(driver, move)])).flat();
    expect(fired.filter((records) => records !== undefined)).toHaveLength(1);
    expect(await firingsOf(driver, schedule)).toHaveLength(1);
    expect(await driver.drain()).toEqual(["fired"]);
  },

  "a time that was dealt with stays so, whatever is written of its schedule": async (driver) => {
    const schedule = await putDue(driver);
    await fire(driver, advance(schedule, [jobFiring(driver, schedule)], undefined));
    const rewritten = await triggersOf(driver).put(
      { ...schedule, lastAtUs: undefined, nextAtUs: schedule.nextAtUs! + 1 },
      1,
    );
    expect(rewritten).toMatchObject({ lastAtUs: schedule.nextAtUs, nextAtUs: schedule.nextAtUs! + 1, revision: 2 });
    const later = await triggersOf(driver).put({ ...schedule, lastAtUs: schedule.nextAtUs! + 5 }, 2);
    expect(later!.lastAtUs).toBe(schedule.nextAtUs! + 5);
    await fire(driver, advance(later!, [], undefined));
    expect((await current(schedule, driver)).lastAtUs).toBe(schedule.nextAtUs! + 5);
  },

  "a firing that is asked for leaves its schedule where it is, paused or not": async (driver) => {
    const schedule = await putNew(driver, { paused: true, pauseReason: "broken" });
    const firings = [1, 2].map((minute) =>
      jobFiring(driver, schedule, { requested: true, scheduledAtUs: driver.clock.nowUs() - minute * MINUTE_US }),
    );
    const [fired] = await fire(driver, asked(schedule, ...firings));
    expect(fired!.map(({ outcome, requested }) => [outcome, requested])).toEqual([
      ["submitted", true],
      ["submitted", true],
    ]);
    const { nextAtUs, lastAtUs, revision, lastFiring } = await current(schedule, driver);
    expect([nextAtUs, lastAtUs, revision, lastFiring]).toEqual([undefined, undefined, 1, fired![1]]);
    expect(await fire(driver, { scheduleId: driver.newId(), firings })).toEqual([undefined]);
  },

  "a firing asked for again is answered as it stands": async (driver) => {
    const schedule = await putDue(driver);
    const firing = jobFiring(driver, schedule, { requested: true });
    const again = { ...firing, requested: false };
    const [once, twice] = await fire(driver, asked(schedule, firing, again), asked(schedule, again));
    expect(once).toEqual([once![0], once![0]]);
    expect(twice).toEqual([once![0]]);
    expect(await driver.drain()).toEqual(["fired"]);
    driver.clock.advance(1_000);
    // The time comes although it was asked for before.
    const [moved] = await fire(driver, advance(schedule, [again], undefined));
    expect(moved).toEqual([once![0]]);
    expect((await current(schedule, driver)).nextAtUs).toBeUndefined();
    expect(await firingsOf(driver, schedule)).toHaveLength(1);
    expect(await driver.claim()).toEqual([]);
    const failed = idleFiring(driver, { error: "no" });
    await fire(driver, asked(schedule, failed));
    const [kept] = await fire(driver, asked(schedule, { ...jobFiring(driver, schedule, { id: failed.id }) }));
    expect(kept).toMatchObject([{ outcome: "failed", error: "no" }]);
    await expectNoJobs(driver, failed.id);
  },

  "a firing that was forgotten finds the job it had submitted": async (driver) => {
    const schedule = await putNew(driver, { keepFirings: 1 });
    const [first, second] = [0, 1].map(() =>
      jobFiring(driver, schedule, { requested: true, job: { idempotencyKey: driver.newId(), requestHash: "h" } }),
    );
    const plain = jobFiring(driver, schedule);
    await fire(driver, asked(schedule, first!, plain, second!));
    await driver.drain();
    expect(await triggersOf(driver).tidy(0, 100)).toBe(2);
    const [fired] = await fire(driver, asked(schedule, first!, plain));
    expect(fired).toMatchObject([
      { outcome: "submitted", jobId: first!.id },
      { outcome: "submitted", jobId: plain.id },
    ]);
    expect(await driver.claim()).toEqual([]);
  },

  "a job that its own concurrency refuses is skipped, with why": async (driver) => {
    const schedule = await putDue(driver);
    const job = { concurrency: { key: `schedule:${schedule.id}`, limit: 1, policy: "rejectNew" } as const };
    const [first, second, third] = [0, 1, 2].map(() => jobFiring(driver, schedule, { job }));
    const [fired] = await fire(driver, asked(schedule, first!, second!));
    expect(fired).toMatchObject([
      { outcome: "submitted", jobId: first!.id },
      { outcome: "skipped", jobId: "", id: second!.id },
    ]);
    expect(fired![1]!.error).toBe(`job "${first!.id}" has not ended: concurrency key "schedule:${schedule.id}"`);
    await expectNoJobs(driver, second!.id);
    const [later] = await fire(driver, asked(schedule, jobFiring(driver, schedule, { job })));
    expect(later![0]!.error).toBe(fired![1]!.error);
    expect((await current(schedule, driver)).lastError).toBeUndefined();
    await driver.drain();
    const [again] = await fire(driver, asked(schedule, second!, third!));
    expect(again!.map(({ outcome }) => outcome)).toEqual(["skipped", "submitted"]);
  },

  "a job of a key that another request used fails, one of the same request is that job": async (driver) => {
    const schedule = await putDue(driver);
    const key = { idempotencyKey: "key", requestHash: "hash" };
    const submitted = await driver.submitJob(driver.newJob(taskSet({ name: "first" }), key));
    const [fired] = await fire(
      driver,
      asked(
        schedule,
        jobFiring(driver, schedule, { job: { ...key, requestHash: "other" } }),
        jobFiring(driver, schedule, { job: key }),
      ),
    );
    expect(fired).toMatchObject([
      { outcome: "failed", jobId: "" },
      { outcome: "submitted", jobId: submitted },
    ]);
    expect(fired![0]!.error).toContain("key");
    expect(await driver.drain()).toEqual(["first"]);
  },

  "what was missed counts its times, what failed says why until one succeeds": async (driver) => {
    const schedule = await putDue(driver);
    const error = async () => (await current(schedule, driver)).lastError;
    const failure = { message: 'the task "x" is unknown', atUs: driver.clock.nowUs() };
    const [fired] = await fire(
      driver,
      asked(
        schedule,
        idleFiring(driver, { missed: 17 }),
        idleFiring(driver, { error: failure.message }),
        idleFiring(driver, { missed: 1 }),
      ),
    );
    expect(fired).toMatchObject([
      { outcome: "missed", count: 17, error: "", jobId: "" },
      { outcome: "failed", count: 1, error: failure.message, jobId: "" },
      { outcome: "missed", count: 1 },
    ]);
    expect(await error()).toEqual(failure);
    driver.clock.advance(1_000);
    await triggersOf(driver).put({ ...schedule, body: Buffer.from("changed") }, 1);
    await driver.reopen();
    expect(await error()).toEqual(failure);
    await fire(driver, asked(schedule, idleFiring(driver, { error: "again" })));
    expect(await error()).toEqual({ message: "again", atUs: driver.clock.nowUs() });
    await fire(driver, asked(schedule, jobFiring(driver, schedule)));
    expect(await error()).toBeUndefined();
  },

  "a job that cannot be stored fails alone": async (driver) => {
    const schedules: DefinitionRecord[] = [];
    for (const name of ["good", "bad", "fine"]) schedules.push(await putDue(driver, name));
    const firings = schedules.map((schedule) => jobFiring(driver, schedule));
    const bad = jobFiring(driver, schedules[1]!, { job: brokenJob(driver) });
    const moves = [[firings[0]!], [firings[1]!, bad], [firings[2]!]].map((own, i) =>
      advance(schedules[i]!, own, driver.clock.nowUs() + MINUTE_US),
    );
    const fired = await fire(driver, ...moves);
    expect(fired.map((records) => records?.map(({ outcome }) => outcome))).toEqual([
      ["submitted"],
      ["submitted", "failed"],
      ["submitted"],
    ]);
    expect(fired[1]![1]!.error).not.toBe("");
    expect((await current(schedules[1]!, driver)).lastError).toMatchObject({ message: fired[1]![1]!.error });
    for (const schedule of schedules) {
      expect((await current(schedule, driver)).nextAtUs).toBe(driver.clock.nowUs() + MINUTE_US);
      expect(await firingsOf(driver, schedule)).toHaveLength(schedule.name === "bad" ? 2 : 1);
    }
    await expectNoJobs(driver, bad.id);
    expect(await driver.drain()).toEqual(["fired", "fired", "fired"]);
  },

  "hundreds of schedules fire in one commit, and stand as fired after opening again": async (driver) => {
    const puts = Array.from({ length: 300 }, (_, i) =>
      putNew(driver, { name: `s${i}`, nextAtUs: driver.clock.nowUs() + (i % 2) }),
    );
    const schedules = await Promise.all(puts);
    let changes = 0;
    driver.store.on("changed", () => changes++);
    const nextAtUs = driver.clock.nowUs() + MINUTE_US;
    const firings = schedules.map((schedule) => jobFiring(driver, schedule));
    const fired = await fire(driver, ...schedules.map((schedule, i) => advance(schedule, [firings[i]!], nextAtUs)));
    expect(fired.flatMap((records) => records!.map(({ jobId }) => jobId))).toEqual(firings.map(({ id }) => id));
    expect(changes).toBe(1);
    await driver.reopen();
    expect(await triggersOf(driver).dueSchedules(nextAtUs - 1, 1_000)).toEqual([]);
    expect(await triggersOf(driver).dueSchedules(nextAtUs, 1_000)).toHaveLength(300);
    expect(await firingsOf(driver, schedules[299]!)).toEqual(fired[299]);
    expect(await driver.drain()).toHaveLength(300);
  },

  "the firings of a schedule go with it, its jobs stay": async (driver) => {
    const schedule = await putDue(driver);
    const other = await putDue(driver, "other");
    const firing = jobFiring(driver, schedule);
    await fire(
      driver,
      asked(schedule, firing, idleFiring(driver, { missed: 1 })),
      asked(other, jobFiring(driver, other)),
    );
    await triggersOf(driver).delete("schedule", "nightly");
    expect(await firingsOf(driver, schedule)).toEqual([]);
    expect(await firingsOf(driver, other)).toHaveLength(1);
    expect((await driver.job(firing.id)).trigger?.source?.name).toBe("nightly");
    const anew = await putDue(driver);
    expect(anew.lastFiring).toBeUndefined();
    expect(await driver.drain()).toHaveLength(2);
  },

  "firings are listed newest first by source, event and outcome, in pages": async (driver) => {
    const triggers = triggersOf(driver);
    const [a, b] = [await putDue(driver, "a"), await putDue(driver, "b")];
    const missed = [1, 2, 3].map((count) => idleFiring(driver, { missed: count }));
    const failed = idleFiring(driver, { error: "no" });
    const done = jobFiring(driver, b);
    await fire(driver, asked(a, missed[0]!), asked(b, missed[1]!, done), asked(a, missed[2]!, failed));
    const order = [failed, missed[2]!, done, missed[1]!, missed[0]!].map(({ id }) => id);
    const list = async (...args: Parameters<typeof triggers.listFirings>) =>
      (await triggers.listFirings(...args)).map(({ id }) => id);
    expect(await list({}, { limit: 10 })).toEqual(order);
    const page = await triggers.listFirings({}, { limit: 2 });
    expect(page.map(({ id }) => id)).toEqual(order.slice(0, 2));
    expect(await list({}, { limit: 2, after: page[1]!.seq })).toEqual(order.slice(2, 4));
    expect(await list({ sourceId: a.id }, { limit: 10 })).toEqual([failed.id, missed[2]!.id, missed[0]!.id]);
    expect(await list({ sourceId: a.id, outcomes: ["missed"] }, { limit: 1 })).toEqual([missed[2]!.id]);
    expect(await list({ outcomes: ["failed", "submitted"] }, { limit: 10 })).toEqual([failed.id, done.id]);
    expect(await list({ sourceId: driver.newId() }, { limit: 10 })).toEqual([]);
    expect(await list({ eventId: "none" }, { limit: 10 })).toEqual([]);
  },

  "each keeps as many firings as it says, the latest ones": async (driver) => {
    const triggers = triggersOf(driver);
    const few = await putNew(driver, { name: "few", keepFirings: 2 });
    const many = await putNew(driver, { name: "many", keepFirings: 5 });
    const times = () => Array.from({ length: 6 }, () => idleFiring(driver, { missed: 1 }));
    const [fewTimes, manyTimes] = [times(), times()];
    await fire(driver, asked(few, ...fewTimes), asked(many, ...manyTimes));
    expect(await triggers.tidy(0, 3)).toBe(3);
    for (let forgotten = 3; forgotten > 0; ) forgotten = await triggers.tidy(0, 3);
    expect((await firingsOf(driver, few)).map(({ id }) => id)).toEqual([fewTimes[5]!.id, fewTimes[4]!.id]);
    expect((await firingsOf(driver, many)).map(({ id }) => id)).toEqual(
      manyTimes
        .slice(1)
        .reverse()
        .map(({ id }) => id),
    );
    expect((await current(few, driver)).lastFiring?.id).toBe(fewTimes[5]!.id);
    expect(await triggers.tidy(0, 3)).toBe(0);
    const fewer = await triggers.put(newDefinition(driver, { name: "many", keepFirings: 1 }), 1);
    expect(await triggers.tidy(0, 100)).toBe(4);
    expect(await firingsOf(driver, fewer!)).toHaveLength(1);
  },
};

/** A job whose task has no spec: what a defect of the caller would look like. */
function brokenJob(driver: StoreDriver) {
  return { tasks: { ...driver.newJob(taskSet({ name: "broken" })).tasks, specs: [] } };
}
