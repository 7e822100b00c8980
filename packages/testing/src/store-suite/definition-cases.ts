import { expect } from "vitest";
import type { Cases } from "./scenario.ts";
import { newDefinition, newsOf, putNew, putTrigger, triggersOf } from "./trigger-sketches.ts";

/** Schedules, triggers and webhooks as they are written, found and listed. */
export const definitionCases: Cases = {
  "a definition is kept as it was written, and found by its kind and name": async (driver) => {
    const triggers = triggersOf(driver);
    const nowUs = driver.clock.nowUs();
    const schedule = newDefinition(driver, {
      body: Uint8Array.of(0, 255, 1),
      nextAtUs: nowUs + 60_000_000,
      lastAtUs: nowUs - 1,
      keepFirings: 7,
    });
    const stored = await triggers.put(schedule, 0);
    expect(stored).toMatchObject({ ...schedule, body: expect.anything(), revision: 1 });
    expect(stored).toMatchObject({ createdAtUs: nowUs, updatedAtUs: nowUs });
    expect([...stored!.body]).toEqual([0, 255, 1]);
    expect([stored!.lastFiring, stored!.lastError]).toEqual([undefined, undefined]);
    const webhook = newDefinition(driver, { kind: "webhook", name: "nightly", paused: true, pauseReason: "“broken”" });
    const other = await triggers.put(webhook, 0);
    await driver.reopen();
    const reopened = triggersOf(driver);
    expect(plain(await reopened.get("schedule", "nightly"))).toEqual(plain(stored));
    expect(plain(await reopened.get("webhook", "nightly"))).toEqual(plain(other));
    expect(other).toMatchObject({ paused: true, pauseReason: "“broken”", id: webhook.id });
    expect([other!.nextAtUs, other!.lastAtUs]).toEqual([undefined, undefined]);
    expect(await reopened.get("trigger", "nightly")).toBeUndefined();
    expect(await reopened.get("schedule", "Nightly")).toBeUndefined();
  },

  "a change needs the revision that is there, keeps id and birth, and raises the revision": async (driver) => {
    const triggers = triggersOf(driver);
    const first = await putTrigger(driver);
    expect(await triggers.put(newDefinition(driver, { kind: "trigger", name: "orders" }), 0)).toBeUndefined();
    driver.clock.advance(1_000);
    const change = newDefinition(driver, { kind: "trigger", name: "orders", paused: true, body: Buffer.from("new") });
    expect(await triggers.put(change, 2)).toBeUndefined();
    expect(await triggers.put({ ...change, name: "absent" }, 1)).toBeUndefined();
    expect(plain(await triggers.get("trigger", "orders"))).toEqual(plain(first));
    const changed = await triggers.put(change, 1);
    expect(changed).toMatchObject({ id: first.id, revision: 2, paused: true, createdAtUs: first.createdAtUs });
    expect(changed).toMatchObject({ updatedAtUs: driver.clock.nowUs() });
    expect(Buffer.from(changed!.body).toString()).toBe("new");
    expect(plain(await triggers.get("trigger", "orders"))).toEqual(plain(changed));
    expect(await triggers.get("trigger", "absent")).toBeUndefined();
  },

  "of two who write the same revision one does": async (driver) => {
    const triggers = triggersOf(driver);
    const made = await Promise.all(["a", "b"].map((body) => triggers.put(named(driver, body), 0)));
    expect(made.filter((record) => record !== undefined)).toHaveLength(1);
    const changed = await Promise.all(["c", "d"].map((body) => triggers.put(named(driver, body), 1)));
    const [won] = changed.filter((record) => record !== undefined);
    expect(changed.filter((record) => record !== undefined)).toHaveLength(1);
    expect(plain(await triggers.get("schedule", "nightly"))).toEqual(plain(won));
  },

  "one that was deleted is gone, and its name is free for another": async (driver) => {
    const triggers = triggersOf(driver);
    const first = await putNew(driver);
    await putTrigger(driver, { name: "nightly" });
    expect(await triggers.delete("schedule", "nightly")).toBe(true);
    expect(await triggers.delete("schedule", "nightly")).toBe(false);
    expect(await triggers.get("schedule", "nightly")).toBeUndefined();
    expect(await triggers.get("trigger", "nightly")).toBeDefined();
    const second = await putNew(driver);
    expect(second).toMatchObject({ revision: 1 });
    expect(second.id).not.toBe(first.id);
  },

  "they are listed by name, byte by byte, in pages": async (driver) => {
    const triggers = triggersOf(driver);
    const names = ["b", "a_1", "B", "ab", "a-1", "a%", "a.b", "_"];
    for (const name of names) await putNew(driver, { name });
    for (const name of ["a", "c"]) await putTrigger(driver, { name, paused: name === "c" });
    await putNew(driver, { name: "a_2", paused: true });
    const list = async (...args: Parameters<typeof triggers.list>) =>
      (await triggers.list(...args)).map(({ name }) => name);
    const all = ["B", "_", "a%", "a-1", "a.b", "a_1", "a_2", "ab", "b"];
    expect(await list({ kind: "schedule" }, { limit: 100 })).toEqual(all);
    expect(await list({ kind: "schedule" }, { limit: 4 })).toEqual(all.slice(0, 4));
    expect(await list({ kind: "schedule" }, { limit: 4, after: "a-1" })).toEqual(all.slice(4, 8));
    expect(await list({ kind: "schedule" }, { limit: 4, after: "ab" })).toEqual(["b"]);
    expect(await list({ kind: "schedule", namePrefix: "a_" }, { limit: 100 })).toEqual(["a_1", "a_2"]);
    expect(await list({ kind: "schedule", namePrefix: "a%" }, { limit: 100 })).toEqual(["a%"]);
    expect(await list({ kind: "schedule", namePrefix: "a", paused: false }, { limit: 3, after: "a%" })).toEqual([
      ...["a-1", "a.b", "a_1"],
    ]);
    expect(await list({ kind: "schedule", paused: true }, { limit: 100 })).toEqual(["a_2"]);
    expect(await list({ kind: "trigger" }, { limit: 100 })).toEqual(["a", "c"]);
    expect(await list({ kind: "webhook" }, { limit: 100 })).toEqual([]);
  },

  "what is written and deleted is told, and only that": async (driver) => {
    const triggers = triggersOf(driver);
    const news = newsOf(driver);
    const kinds = () => news.splice(0).flatMap(({ definitions = [] }) => definitions);
    await triggers.put(newDefinition(driver, { kind: "webhook", name: "absent" }), 3);
    await putTrigger(driver);
    expect(new Set(kinds())).toEqual(new Set(["trigger"]));
    expect(await triggers.delete("webhook", "absent")).toBe(false);
    const nextAtUs = driver.clock.nowUs() + 1_000_000;
    await putNew(driver, { nextAtUs });
    expect(news).toEqual(expect.arrayContaining([expect.objectContaining({ scheduleDueUs: nextAtUs })]));
    expect(kinds()).toContain("schedule");
    await triggers.delete("schedule", "nightly");
    expect(kinds()).toContain("schedule");
  },

  "whoever no longer listens hears nothing": async (driver) => {
    const triggers = triggersOf(driver);
    const told: string[] = [];
    const off = triggers.onNews(() => told.push("off"));
    const heard = newsOf(driver);
    off();
    await putTrigger(driver);
    expect(heard.length).toBeGreaterThan(0);
    expect(told).toEqual([]);
  },
};

const named = (driver: Parameters<typeof newDefinition>[0], body: string) =>
  newDefinition(driver, { body: Buffer.from(body) });

/** Without what is not there, and its body as text: a store may give bytes back in a class of its own. */
function plain(record: Awaited<ReturnType<ReturnType<typeof triggersOf>["get"]>>): object {
  if (record === undefined) throw new Error("cannot go on: there is no such definition");
  return JSON.parse(JSON.stringify({ ...record, body: Buffer.from(record.body).toString("hex") }));
}
