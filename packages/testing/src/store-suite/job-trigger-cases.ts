import { JobState } from "@spanloom/protocol";
import type { ConcurrencyRule, JobQuery, JobTrigger } from "@spanloom/server/store";
import { expect } from "vitest";
import { type StoreDriver, taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";

function submitWith(driver: StoreDriver, trigger: JobTrigger | undefined): Promise<string> {
  return driver.submitJob(driver.newJob(taskSet({ name: "only" }), trigger === undefined ? {} : { trigger }));
}

async function found(driver: StoreDriver, query: JobQuery, limit = 100, after?: string): Promise<string[]> {
  const page = { limit, ...(after !== undefined && { after }) };
  return (await driver.store.listJobs(query, page)).map(({ id }) => id);
}

const nightly = { kind: "schedule", id: "0190163d-8694-739b-aea5-966c26f8ad91", name: "nightly" } as const;
const orders = { kind: "trigger", id: "0190163d-8694-739b-aea5-966c26f8ad92", name: "orders" } as const;

/** Jobs as what set them going tells them apart, and how many may wait. */
export const jobTriggerCases: Cases = {
  "what set a job going is read back wherever the job is, and not into a clone": async (driver) => {
    const trigger: JobTrigger = {
      ...{ type: "webhook", source: orders, eventId: "event '1'", scheduledAtUs: 17, depth: 4 },
    };
    const clone: JobTrigger = { type: "clone", clonedJobId: driver.newId(), depth: 0 };
    const backfill: JobTrigger = { type: "schedule", source: nightly, scheduledAtUs: 18, backfill: true, depth: 0 };
    for (const set of [trigger, clone, backfill]) {
      const job = driver.newJob(taskSet({ name: "only" }), { trigger: set });
      const [outcome] = await driver.store.submitJobs([job]);
      expect(outcome).toMatchObject({ kind: "created", job: { trigger: set } });
      driver.jobIds.push(job.id);
      await driver.reopen();
      expect((await driver.job(job.id)).trigger).toEqual(set);
      expect((await driver.store.listJobs({}, { limit: 1 }))[0]!.trigger).toEqual(set);
      const { jobs } = await driver.store.readLifecycle([job.id], []);
      expect(jobs[0]!.trigger).toEqual(set);
      expect((await driver.store.cancelJob(job.id, "")).trigger).toEqual(set);
      expect((await driver.store.readSubmission(job.id)).trigger).toBeUndefined();
    }
    const manual = await submitWith(driver, undefined);
    expect((await driver.job(manual)).trigger).toBeUndefined();
  },

  "jobs are found by what set them going": async (driver) => {
    const manual = await submitWith(driver, undefined);
    const byHand = await submitWith(driver, { type: "manual", source: nightly, depth: 0 });
    const timed = [];
    for (let i = 0; i < 3; i++) {
      timed.push(await submitWith(driver, { type: "schedule", source: nightly, scheduledAtUs: i, depth: 0 }));
      driver.clock.advance(1);
    }
    const other = { ...nightly, name: "weekly" };
    const weekly = await submitWith(driver, { type: "schedule", source: other, scheduledAtUs: 1, depth: 0 });
    const event = await submitWith(driver, { type: "event", source: orders, eventId: "e", depth: 1 });
    const hook = await submitWith(driver, { type: "webhook", source: orders, eventId: "w", depth: 1 });
    const clone = await submitWith(driver, { type: "clone", clonedJobId: manual, depth: 0 });
    const odd = await submitWith(driver, { type: "event", source: { ...orders, name: "nightly" }, depth: 1 });
    const newest = (...ids: string[]) => ids.reverse();
    const same = (query: JobQuery, ...ids: string[]) => expect(found(driver, query)).resolves.toEqual(newest(...ids));
    await same({ triggerTypes: ["manual"] }, manual, byHand);
    await same({ triggerTypes: ["schedule"] }, ...timed, weekly);
    await same({ triggerTypes: ["event", "webhook"] }, event, hook, odd);
    await same({ triggerTypes: ["manual", "clone"] }, manual, byHand, clone);
    await same({ triggerTypes: [] }, manual, byHand, ...timed, weekly, event, hook, clone, odd);
    await same({ schedule: "nightly" }, byHand, ...timed);
    await same({ schedule: "nightly", triggerTypes: ["schedule"] }, ...timed);
    await same({ trigger: "orders" }, event, hook);
    await same({ trigger: "nightly" }, odd);
    await same({ schedule: "orders" });
    await same({ schedule: "nightly", trigger: "orders" });
    await same({ schedule: "weekly", name: "job", queue: "default" }, weekly);
    const [lease] = await driver.claim({ limit: 1 });
    await driver.succeed(lease!);
    await same({ triggerTypes: ["manual"], states: [JobState.SUCCEEDED] }, lease!.jobId);
    await same({ schedule: "nightly", states: [JobState.QUEUED] }, byHand, ...timed);
    const first = await found(driver, { schedule: "nightly" }, 2);
    expect(await found(driver, { schedule: "nightly" }, 2, first[1])).toEqual(newest(byHand, timed[0]!));
    expect([...(await driver.store.countJobs({ schedule: "nightly" }))]).toEqual([[JobState.QUEUED, 4]]);
    expect([...(await driver.store.countJobs({ triggerTypes: ["manual"] }))]).toEqual([
      [JobState.QUEUED, 1],
      [JobState.SUCCEEDED, 1],
    ]);
    await driver.store.cancelJob(event, "");
    expect([...(await driver.store.countJobs({ trigger: "orders" }))]).toEqual([
      [JobState.QUEUED, 1],
      [JobState.CANCELLED, 1],
    ]);
  },

  "a job remembers when it was run again first": async (driver) => {
    const id = await driver.submit({ name: "task" });
    await driver.fail(await driver.claimOne());
    expect((await driver.job(id)).retriedAtUs).toBeUndefined();
    driver.clock.advance(1_000);
    const firstUs = driver.clock.nowUs();
    await driver.retry(id);
    expect((await driver.job(id)).retriedAtUs).toBe(firstUs);
    await driver.fail(await driver.claimOne());
    driver.clock.advance(1_000);
    await driver.retry(id);
    await driver.reopen();
    expect((await driver.job(id)).retriedAtUs).toBe(firstUs);
    expect((await driver.store.readLifecycle([id], [])).jobs[0]!.retriedAtUs).toBe(firstUs);
    await driver.drain();
  },

  "no more jobs wait for a place than may, whatever they would do with it": async (driver) => {
    const rule = (policy: ConcurrencyRule["policy"], maxWaiting: number) => ({
      concurrency: { key: "key", limit: 1, policy, maxWaiting },
    });
    const submit = async (place: Pick<Parameters<typeof driver.newJob>[1] & object, "concurrency">) => {
      const job = driver.newJob(taskSet({ name: "only" }), place);
      const [outcome] = await driver.store.submitJobs([job]);
      if (outcome!.kind === "created") driver.jobIds.push(job.id);
      return outcome;
    };
    const refused = { kind: "rejected", key: "key", limit: 1 };
    expect(await submit(rule("wait", 1))).toMatchObject({ kind: "created" });
    expect(await submit(rule("wait", 1))).toMatchObject({ kind: "created" });
    expect(await submit(rule("wait", 1))).toEqual(refused);
    expect(await submit(rule("cancelRunning", 1))).toEqual(refused);
    await driver.reopen();
    expect(await submit(rule("wait", 1))).toEqual(refused);
    expect(await submit(rule("wait", 2))).toMatchObject({ kind: "created" });
    expect((await driver.job(driver.jobIds[2]!)).concurrency).toEqual(rule("wait", 2).concurrency);
    await driver.succeed(await driver.claimOne());
    expect(await submit(rule("wait", 1))).toEqual(refused);
    await driver.succeed(await driver.claimOne());
    expect(await submit(rule("wait", 1))).toMatchObject({ kind: "created" });
    expect(await driver.drain()).toEqual(["only", "only"]);
    // Whoever finds a place does not wait.
    expect(await submit(rule("wait", 1))).toMatchObject({ kind: "created" });
  },
};
