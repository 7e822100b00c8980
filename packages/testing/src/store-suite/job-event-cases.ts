import { AttemptOutcome, spanIdOf } from "@spanloom/protocol";
import type { EventRecord } from "@spanloom/server/store";
import { expect } from "vitest";
import { retryAtOnce, type StoreDriver, taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";
import { newDefinition, newsOf, putTrigger, settleAll, triggersOf, unmatched } from "./trigger-sketches.ts";

/** A trigger that takes what jobs' lives give as events. */
const listen = (driver: StoreDriver) => putTrigger(driver, { wantsJobEvents: true });

/** Keys of the events that wait, without what they share. */
async function ends(driver: StoreDriver): Promise<string[]> {
  return (await unmatched(driver)).events.map(({ key }) => key.replace("spanloom.job.", ""));
}

function payloadOf({ payload }: EventRecord): Record<string, unknown> {
  return JSON.parse(Buffer.from(payload).toString());
}

/** A time as events tell it. */
function rfc3339(us: number): string {
  return `${new Date(Math.floor(us / 1_000_000) * 1_000).toISOString().slice(0, 19)}.${String(us % 1_000_000).padStart(6, "0")}Z`;
}

/** The job's own life as events. */
export const jobEventCases: Cases = {
  "jobs give no events while no trigger wants them": async (driver) => {
    await driver.submit({ name: "before" });
    await driver.drain();
    await putTrigger(driver, { name: "other" });
    await driver.submit({ name: "unheard" });
    await driver.drain();
    expect(await ends(driver)).toEqual([]);
    const trigger = await listen(driver);
    await driver.submit({ name: "heard" });
    await driver.drain();
    expect(await ends(driver)).toEqual(["started", "succeeded"]);
    await settleAll(driver);
    const paused = newDefinition(driver, { ...trigger, paused: true, wantsJobEvents: false });
    expect((await triggersOf(driver).put(paused, 1))?.wantsJobEvents ?? false).toBe(false);
    await driver.submit({ name: "unheard" });
    await driver.drain();
    expect(await ends(driver)).toEqual([]);
    const resumed = await triggersOf(driver).put({ ...paused, paused: false, wantsJobEvents: true }, 2);
    expect(resumed).toMatchObject({ wantsJobEvents: true });
    await driver.reopen();
    await driver.submit({ name: "heard" });
    await driver.drain();
    expect(await ends(driver)).toEqual(["started", "succeeded"]);
    await settleAll(driver);
    await triggersOf(driver).delete("trigger", "orders");
    await driver.submit({ name: "unheard" });
    await driver.drain();
    expect(await ends(driver)).toEqual([]);
  },

  "a start and a success tell what the job is, and stand in its trace": async (driver) => {
    await listen(driver);
    const news = newsOf(driver);
    const createdAtUs = driver.clock.nowUs();
    const source = { kind: "schedule", id: driver.newId(), name: "nightly" } as const;
    const plain = driver.newJob(taskSet({ name: "task", queue: "default" }));
    const id = await driver.submitJob({
      ...plain,
      ...{ name: "report", tags: { team: "x" }, queue: "bulk", priority: 3 },
      trace: { ...plain.trace, tracestate: "a=b", baggage: "k=v" },
      trigger: { type: "schedule", source, scheduledAtUs: createdAtUs - 1, depth: 2 },
    });
    expect(await ends(driver)).toEqual([]);
    news.length = 0;
    driver.clock.advance(1.5);
    const lease = await driver.claimOne();
    expect(news).toEqual(expect.arrayContaining([expect.objectContaining({ events: true })]));
    driver.clock.advance(2_000);
    await driver.succeed(lease);
    const { events } = await unmatched(driver);
    const common = {
      ...{ source: "job", webhook: "", replayOf: "", onlyTrigger: "", metadata: {}, depth: 2 },
      trace: {
        traceparent: `00-${plain.trace.traceId}-${spanIdOf(id)}-01`,
        ...{ tracestate: "a=b", baggage: "k=v" },
      },
    };
    expect(events).toMatchObject([
      { ...common, key: "spanloom.job.started", receivedAtUs: createdAtUs + 1_500 },
      { ...common, key: "spanloom.job.succeeded", receivedAtUs: createdAtUs + 2_001_500 },
    ]);
    expect(new Set(events.map((event) => event.id)).size).toBe(2);
    const job = {
      ...{ job_id: id, name: "report", queue: "bulk", priority: 3, tags: { team: "x" }, attempts: 1 },
      ...{ created_at: rfc3339(createdAtUs), started_at: rfc3339(createdAtUs + 1_500) },
      trigger: {
        ...{ type: "schedule", schedule: "nightly", scheduled_at: rfc3339(createdAtUs - 1), depth: 2 },
      },
    };
    expect(events.map(payloadOf)).toMatchObject([
      { ...job, state: "running" },
      { ...job, state: "succeeded", ended_at: rfc3339(createdAtUs + 2_001_500) },
    ]);
  },

  "a failure tells what failed": async (driver) => {
    await listen(driver);
    const id = await driver.submit({ name: "good", optional: true }, { name: "bad", retry: retryAtOnce(2) });
    for (const lease of await driver.claim()) await driver.fail(lease);
    expect(await ends(driver)).toEqual(["started"]);
    const last = await driver.claimOne();
    await driver.fail(last);
    const { events } = await unmatched(driver);
    expect(await ends(driver)).toEqual(["started", "failed"]);
    expect(payloadOf(events[1]!)).toMatchObject({
      ...{ job_id: id, state: "failed", attempts: 3, failed_task_id: last.taskId },
      failure: { type: "Error", message: "bad failed" },
      trigger: { type: "manual", depth: 0 },
    });
  },

  "a job that is cancelled before it starts has but an end": async (driver) => {
    await listen(driver);
    const waiting = await driver.submit({ name: "task" });
    await driver.store.cancelJob(waiting, "no longer needed");
    const { events } = await unmatched(driver);
    expect(await ends(driver)).toEqual(["cancelled"]);
    expect(payloadOf(events[0]!)).toMatchObject({ state: "cancelled", job_id: waiting });
    expect(payloadOf(events[0]!)).not.toHaveProperty("started_at");
  },

  "a job that starts and is stopped in one commit has both, in order": async (driver) => {
    await listen(driver);
    const job = await driver.submit({ name: "task", count: 2 });
    const [leases] = await Promise.all([driver.claim({ limit: 1 }), driver.store.cancelJob(job, "")]);
    await driver.fail(leases[0]!, { outcome: AttemptOutcome.CANCELLED });
    expect(await ends(driver)).toEqual(["started", "cancelled"]);
  },

  "a job that is retried ends once more and does not start again": async (driver) => {
    await listen(driver);
    const job = await driver.submit({ name: "task" });
    await driver.fail(await driver.claimOne());
    driver.clock.advance(1_000);
    await driver.retry(job);
    await driver.fail(await driver.claimOne());
    driver.clock.advance(1_000);
    await driver.retry(job);
    await driver.drain();
    expect(await ends(driver)).toEqual(["started", "failed", "failed", "succeeded"]);
    const { events } = await unmatched(driver);
    expect(new Set(events.map(({ id }) => id)).size).toBe(4);
  },

  "jobs that end together each have their events, and those that go on none": async (driver) => {
    await listen(driver);
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(await driver.submit({ name: "task" }));
    await driver.submit({ name: "other" }, { name: "after", after: ["other"] });
    const leases = await driver.claim();
    await driver.report(...leases.map((lease) => driver.success(lease)));
    const { events } = await unmatched(driver);
    const ended = events.filter(({ key }) => key === "spanloom.job.succeeded");
    expect(ended.map((event) => payloadOf(event).job_id).sort()).toEqual([...ids].sort());
    expect(events).toHaveLength(11);
  },
};
