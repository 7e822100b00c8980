import { expect } from "vitest";
import { taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";
import {
  current,
  expectNoJobs,
  firingsOf,
  idleFiring,
  jobFiring,
  newDefinition,
  newEvent,
  newsOf,
  publish,
  putTrigger,
  settleAll,
  triggersOf,
  unmatched,
} from "./trigger-sketches.ts";

/** Events: published, matched once, kept and forgotten. */
export const eventCases: Cases = {
  "an event is kept as it was published, and one that has its id is dropped": async (driver) => {
    const triggers = triggersOf(driver);
    const full = newEvent(driver, {
      id: `${"x".repeat(250)}'";%`,
      key: "order.paid",
      payload: Buffer.from('{"total":1}'),
      metadata: { b: "2", a: '"quoted" and \u20ac' },
      trace: { traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01`, tracestate: "a=b", baggage: "k=v" },
      source: "webhook",
      webhook: "shop",
      depth: 3,
    });
    const replay = newEvent(driver, { source: "replay", replayOf: full.id, onlyTrigger: driver.newId() });
    const changed = { ...full, key: "other", payload: Buffer.from("1") };
    expect(await triggers.publish([full, replay, changed])).toEqual([false, false, true]);
    driver.clock.advance(1_000);
    expect(await triggers.publish([changed, newEvent(driver)])).toEqual([true, false]);
    await driver.reopen();
    const kept = await triggersOf(driver).getEvents([replay.id, full.id, "unknown"]);
    expect(kept).toHaveLength(2);
    for (const event of [full, replay]) {
      const stored = kept.find(({ id }) => id === event.id)!;
      expect({ ...stored, payload: Buffer.from(stored.payload) }).toEqual({
        ...event,
        seq: expect.any(Number),
        receivedAtUs: driver.clock.nowUs() - 1_000_000,
      });
    }
    expect((await unmatched(driver)).events).toHaveLength(3);
    expect(await triggersOf(driver).publish([])).toEqual([]);
  },

  "an event published by two at once is there once": async (driver) => {
    const event = newEvent(driver);
    const told = await Promise.all([1, 2, 3].map(() => triggersOf(driver).publish([event])));
    expect(told.flat().sort()).toEqual([false, true, true]);
    expect((await unmatched(driver)).events).toHaveLength(1);
  },

  "events wait in the order they came, as many at a time as asked for, by count and by bytes": async (driver) => {
    const triggers = triggersOf(driver);
    const sizes = [10, 20, 30, 40];
    const ids = await publish(driver, ...sizes.map((size) => ({ payload: Buffer.alloc(size, 0x20) })));
    const all = await unmatched(driver);
    expect(all.fromSeq).toBe(0);
    expect(all.events.map(({ id }) => id)).toEqual(ids);
    const seqs = all.events.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    const taken = async (limit: number, maxBytes: number) =>
      (await triggers.unmatched(limit, maxBytes)).events.map(({ payload }) => payload.length);
    expect(await taken(2, 1_000)).toEqual([10, 20]);
    expect(await taken(10, 60)).toEqual([10, 20, 30]);
    expect(await taken(10, 59)).toEqual([10, 20]);
    expect(await taken(10, 1)).toEqual([10]);
  },

  "a settlement submits jobs, records firings and moves on, once": async (driver) => {
    const triggers = triggersOf(driver);
    const [first, second] = [await putTrigger(driver), await putTrigger(driver, { name: "second" })];
    const [event, other] = await publish(driver, {}, { key: "order.lost" });
    const { fromSeq, events } = await unmatched(driver);
    const firings = [
      { triggerId: first.id, firing: jobFiring(driver, first, { eventId: event!, scheduledAtUs: 17 }) },
      { triggerId: second.id, firing: jobFiring(driver, second, { eventId: event! }) },
    ];
    driver.clock.advance(5);
    const settled = await settleAll(driver, ...firings);
    expect(settled).toMatchObject([
      { outcome: "submitted", sourceId: first.id, eventId: event, scheduledAtUs: 17, firedAtUs: driver.clock.nowUs() },
      { outcome: "submitted", sourceId: second.id, eventId: event, jobId: firings[1]!.firing.id },
    ]);
    expect(await triggers.matchedSeq()).toBe(events[1]!.seq);
    expect(await unmatched(driver)).toEqual({ fromSeq: events[1]!.seq, events: [] });
    const again = jobFiring(driver, first, { eventId: other! });
    const stale = { fromSeq, toSeq: events[1]!.seq, firings: [{ triggerId: first.id, firing: again }] };
    expect(await triggers.settle(stale)).toBeUndefined();
    await expectNoJobs(driver, again.id);
    expect(await firingsOf(driver, first)).toEqual(settled!.slice(0, 1));
    expect((await current(second, driver)).lastFiring).toEqual(settled![1]);
    expect(await triggers.listFirings({ eventId: event! }, { limit: 10 })).toEqual([...settled!].reverse());
    expect((await driver.job(firings[0]!.firing.id)).trigger).toMatchObject({ type: "event", eventId: event });
    expect(await driver.drain()).toEqual(["fired", "fired"]);
  },

  "of two who settle the same events one does, and those that came meanwhile are next": async (driver) => {
    const trigger = await putTrigger(driver);
    const [event] = await publish(driver, {});
    const { fromSeq, events } = await unmatched(driver);
    const [late] = await publish(driver, {});
    const firing = jobFiring(driver, trigger, { eventId: event! });
    driver.jobIds.push(firing.id);
    const settlement = { fromSeq, toSeq: events[0]!.seq, firings: [{ triggerId: trigger.id, firing }] };
    const settle = () => triggersOf(driver).settle(settlement);
    const settled = await Promise.all([settle(), settle(), settle()]);
    expect(settled.filter((records) => records !== undefined)).toHaveLength(1);
    expect(await driver.drain()).toEqual(["fired"]);
    expect((await unmatched(driver)).events.map(({ id }) => id)).toEqual([late]);
  },

  "events that fire nothing are settled too": async (driver) => {
    await publish(driver, {}, {}, {});
    expect(await settleAll(driver)).toEqual([]);
    expect((await unmatched(driver)).events).toEqual([]);
  },

  "firings of a trigger that is gone are dropped, the others made": async (driver) => {
    const [gone, there] = [await putTrigger(driver), await putTrigger(driver, { name: "there" })];
    const [event] = await publish(driver, {});
    await triggersOf(driver).delete("trigger", "orders");
    const firings = [gone, there].map((trigger) => ({
      triggerId: trigger.id,
      firing: jobFiring(driver, trigger, { eventId: event! }),
    }));
    const settled = await settleAll(driver, ...firings);
    expect(settled).toMatchObject([{ sourceId: there.id, outcome: "submitted" }]);
    expect(settled).toHaveLength(1);
    await expectNoJobs(driver, firings[0]!.firing.id);
    expect((await unmatched(driver)).events).toEqual([]);
  },

  "what an event fires may be skipped or fail, alone": async (driver) => {
    const trigger = await putTrigger(driver);
    const [event] = await publish(driver, {});
    const concurrency = { key: "one", limit: 1, policy: "rejectNew" } as const;
    const broken = { ...driver.newJob(taskSet({ name: "broken" })).tasks, specs: [] };
    const firings = [
      jobFiring(driver, trigger, { eventId: event!, job: { concurrency } }),
      jobFiring(driver, trigger, { eventId: event!, job: { concurrency } }),
      idleFiring(driver, { error: "too deep" }, { eventId: event! }),
      jobFiring(driver, trigger, { eventId: event!, job: { tasks: broken } }),
      idleFiring(driver, { error: "last" }, { eventId: event! }),
    ];
    const settled = await settleAll(driver, ...firings.map((firing) => ({ triggerId: trigger.id, firing })));
    expect(settled!.map(({ outcome }) => outcome)).toEqual(["submitted", "skipped", "failed", "failed", "failed"]);
    expect(settled!.map(({ id }) => id)).toEqual(firings.map(({ id }) => id));
    expect(settled![2]!.error).toBe("too deep");
    expect((await current(trigger, driver)).lastError?.message).toBe("last");
    expect((await unmatched(driver)).events).toEqual([]);
    await expectNoJobs(driver, firings[1]!.id, firings[3]!.id);
    expect(await driver.drain()).toEqual(["fired"]);
  },

  "what shares a commit with a job that cannot be stored is done once": async (driver) => {
    const triggers = triggersOf(driver);
    const trigger = await putTrigger(driver);
    await publish(driver, {});
    const { fromSeq, events } = await unmatched(driver);
    const broken = { ...driver.newJob(taskSet({ name: "broken" })).tasks, specs: [] };
    const firing = jobFiring(driver, trigger, { eventId: events[0]!.id, job: { tasks: broken } });
    const event = newEvent(driver);
    const [settled, existed, other] = await Promise.all([
      triggers.settle({ fromSeq, toSeq: events[0]!.seq, firings: [{ triggerId: trigger.id, firing }] }),
      triggers.publish([event]),
      triggers.put(newDefinition(driver, { name: "other", wantsJobEvents: true }), 0),
      driver.submit({ name: "beside" }),
    ]);
    expect(settled).toMatchObject([{ outcome: "failed" }]);
    expect([existed, other?.revision]).toEqual([[false], 1]);
    expect((await unmatched(driver)).events.map(({ id }) => id)).toEqual([event.id]);
    expect(await driver.drain()).toEqual(["beside"]);
  },

  "how many events wait, and since when, is known over a restart": async (driver) => {
    const backlog = () => triggersOf(driver).eventBacklog();
    expect(await backlog()).toEqual({ count: 0, oldestUs: undefined });
    const first = driver.clock.nowUs();
    await publish(driver, {}, {});
    driver.clock.advance(1_000);
    const again = newEvent(driver);
    await triggersOf(driver).publish([again, again]);
    expect(await backlog()).toEqual({ count: 3, oldestUs: first });
    const { fromSeq, events } = await unmatched(driver);
    await triggersOf(driver).settle({ fromSeq, toSeq: events[1]!.seq, firings: [] });
    await triggersOf(driver).publish([again]);
    await driver.reopen();
    expect(await backlog()).toEqual({ count: 1, oldestUs: first + 1_000_000 });
    expect(await triggersOf(driver).matchedSeq()).toBe(events[1]!.seq);
    await settleAll(driver);
    expect(await backlog()).toEqual({ count: 0, oldestUs: undefined });
  },

  "events that were matched are forgotten in time, and what comes later is matched": async (driver) => {
    const triggers = triggersOf(driver);
    await publish(driver, {}, {}, {});
    await settleAll(driver);
    driver.clock.advance(1_000);
    const boundUs = driver.clock.nowUs();
    const [recent] = await publish(driver, {});
    await settleAll(driver);
    expect(await triggers.tidy(boundUs, 2)).toBe(2);
    expect(await triggers.tidy(boundUs, 2)).toBe(1);
    expect(await triggers.tidy(boundUs, 2)).toBe(0);
    expect((await triggers.listEvents({}, { limit: 10 })).map(({ id }) => id)).toEqual([recent]);
    const [waiting] = await publish(driver, {});
    driver.clock.advance(1_000);
    expect(await triggers.tidy(driver.clock.nowUs(), 10)).toBe(1);
    expect((await unmatched(driver)).events.map(({ id }) => id)).toEqual([waiting]);
    await settleAll(driver);
    expect(await triggers.tidy(driver.clock.nowUs(), 10)).toBe(1);
    const matched = await triggers.matchedSeq();
    await driver.reopen();
    const [anew] = await publish(driver, {});
    const { events } = await unmatched(driver);
    expect(events.map(({ id }) => id)).toEqual([anew]);
    expect(events[0]!.seq).toBeGreaterThan(matched);
  },

  "events are listed newest first by key, time, source and webhook, in pages": async (driver) => {
    const triggers = triggersOf(driver);
    const startUs = driver.clock.nowUs();
    const keys = ["order.paid", "order.paid.late", "orders.x", "order", "user_new", "userXnew"];
    const ids: string[] = [];
    for (const [i, key] of keys.entries()) {
      const webhook = i % 2 === 0 ? "shop" : "";
      ids.push(...(await publish(driver, { key, webhook, source: webhook ? "webhook" : "published" })));
      driver.clock.advance(1);
    }
    const list = async (...args: Parameters<typeof triggers.listEvents>) =>
      (await triggers.listEvents(...args)).map(({ id }) => keys[ids.indexOf(id)]);
    const newest = [...keys].reverse();
    expect(await list({}, { limit: 10 })).toEqual(newest);
    const page = await triggers.listEvents({}, { limit: 4 });
    expect(await list({}, { limit: 4, after: page[3]!.seq })).toEqual(newest.slice(4));
    expect(await list({ keyPrefix: "order." }, { limit: 10 })).toEqual(["order.paid.late", "order.paid"]);
    expect(await list({ keyPrefix: "order." }, { limit: 1 })).toEqual(["order.paid.late"]);
    expect(await list({ keyPrefix: "user_" }, { limit: 10 })).toEqual(["user_new"]);
    expect(await list({ keyPrefix: "order", keyRegex: "order" }, { limit: 10 })).toEqual(["order"]);
    expect(await list({ keyPrefix: "order.", keyRegex: "order\\.[^.]*" }, { limit: 10 })).toEqual(["order.paid"]);
    expect(await list({ keyRegex: ".*x" }, { limit: 10 })).toEqual(["orders.x"]);
    const seqOfLate = page.find(({ key }) => key === "order.paid.late")?.seq;
    expect(seqOfLate).toBeUndefined();
    const paid = await triggers.listEvents({ keyPrefix: "order.paid" }, { limit: 1 });
    expect(await list({ keyPrefix: "order.paid" }, { limit: 1, after: paid[0]!.seq })).toEqual(["order.paid"]);
    expect(await list({ receivedAfterUs: startUs + 1_000, receivedBeforeUs: startUs + 3_000 }, { limit: 10 })).toEqual([
      ...["orders.x", "order.paid.late"],
    ]);
    expect(await list({ receivedBeforeUs: startUs + 1_000 }, { limit: 10 })).toEqual(["order.paid"]);
    expect(await list({ receivedAfterUs: startUs + 5_000 }, { limit: 10 })).toEqual(["userXnew"]);
    expect(await list({ sources: ["webhook", "job"] }, { limit: 2 })).toEqual(["user_new", "orders.x"]);
    expect(await list({ webhook: "shop", keyPrefix: "order" }, { limit: 10 })).toEqual(["orders.x", "order.paid"]);
    expect(await list({ webhook: "none" }, { limit: 10 })).toEqual([]);
  },

  "many keys share a prefix, and the newest of them are listed": async (driver) => {
    const events = Array.from({ length: 300 }, (_, i) => ({ key: `many.${(i * 7919) % 300}.end` }));
    const ids = await publish(driver, ...events);
    const triggers = triggersOf(driver);
    const listed: string[] = [];
    for (let after: number | undefined; ; ) {
      const query = { keyPrefix: "many.", keyRegex: "many\\.[^.]*\\.end" };
      const page = await triggers.listEvents(query, { limit: 90, ...(after !== undefined && { after }) });
      listed.push(...page.map(({ id }) => id));
      if (page.length < 90) break;
      after = page.at(-1)!.seq;
    }
    expect(listed).toEqual(ids.reverse());
  },

  "events to match are told after their commit": async (driver) => {
    const news = newsOf(driver);
    const event = newEvent(driver);
    await triggersOf(driver).publish([event]);
    expect(news.splice(0)).toEqual(expect.arrayContaining([expect.objectContaining({ events: true })]));
    expect((await unmatched(driver)).events).toHaveLength(1);
  },

  "thousands of events are one commit, and there after opening again": async (driver) => {
    const ids = await publish(driver, ...Array.from({ length: 3_000 }, (_, i) => ({ key: `k.${i % 10}` })));
    await driver.reopen();
    expect((await unmatched(driver)).events.map(({ id }) => id)).toEqual(ids);
  },
};
