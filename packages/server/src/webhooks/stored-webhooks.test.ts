import { describe, expect, it } from "vitest";
import type { DefinitionRecord } from "../store/trigger-store.ts";
import { StoredWebhooks } from "./stored-webhooks.ts";
import { memoryTriggers } from "./testing/memory-triggers.ts";
import { testWebhook } from "./testing/test-webhook.ts";
import { encodeWebhook } from "./webhook-definition.ts";

const event = {
  id: "1",
  key: "a",
  payload: Buffer.from("{}"),
  metadata: {},
  webhook: "orders",
  trace: { traceparent: "", tracestate: "", baggage: "" },
};

/** Stored webhooks over a store in memory, at a time that the test sets. */
function setUp({ maxWaiting = 100 } = {}) {
  const triggers = memoryTriggers();
  const clock = { us: 0 };
  const stored = new StoredWebhooks({ triggers, nowUs: () => clock.us, maxEventBytes: 10, maxWaiting });
  const put = async (name: string, description = ""): Promise<void> => {
    const revision = (await triggers.get("webhook", name))?.revision ?? 0;
    const body = encodeWebhook(testWebhook({ name, description }));
    await triggers.put(
      { kind: "webhook", id: name, name, body, paused: false, pauseReason: "", keepFirings: 0 },
      revision,
    );
  };
  return { triggers, clock, stored, put };
}

describe("stored webhooks", () => {
  it("are read once, and anew after a change", async () => {
    const { triggers, stored, put } = setUp();
    await put("orders");
    for (let i = 0; i < 3; i++) expect((await stored.find("orders"))?.name).toBe("orders");
    expect(triggers.calls.list).toBe(1);
    await put("orders", "changed");
    expect((await stored.find("orders"))?.description).toBe("changed");
    await triggers.delete("webhook", "orders");
    expect(await stored.find("orders")).toBeUndefined();
  });

  it("cost the store one read a second for names that are not there, however many are asked", async () => {
    const { triggers, clock, stored, put } = setUp();
    await put("orders");
    for (let i = 0; i < 100; i++) expect(await stored.find(`guess-${i}`)).toBeUndefined();
    expect(triggers.calls.list).toBe(1);
    clock.us += 1_000_000;
    await Promise.all(Array.from({ length: 100 }, (_, i) => stored.find(`guess-${i}`)));
    expect(triggers.calls.list).toBe(2);
    expect((await stored.find("orders"))?.name).toBe("orders");
    expect(triggers.calls.list).toBe(2);
  });

  it("are found though the news of them went missing: new ones within a second, changed ones within ten", async () => {
    const { triggers, clock, stored, put } = setUp();
    await put("orders");
    await stored.find("orders");
    stored.stop();
    await put("new");
    await put("orders", "changed");
    expect(await stored.find("new")).toBeUndefined();
    clock.us += 1_000_000;
    expect((await stored.find("new"))?.name).toBe("new");
    await put("orders", "changed again");
    clock.us += 9_999_999;
    expect((await stored.find("orders"))?.description).toBe("changed");
    // A clock that was set back says no more of age than one that runs.
    clock.us -= 30_000_000;
    expect((await stored.find("orders"))?.description).toBe("changed again");
    expect(triggers.calls.list).toBe(3);
  });

  it("are not remembered as they were when they change while they are read", async () => {
    const { triggers, stored, put } = setUp();
    await put("orders");
    const { promise: blocked, resolve } = Promise.withResolvers<void>();
    const { list } = triggers;
    triggers.list = async (...args): Promise<readonly DefinitionRecord[]> => {
      const page = await list(...args);
      await blocked;
      return page;
    };
    const early = stored.find("orders");
    await put("orders", "changed");
    triggers.list = list;
    expect((await stored.find("orders"))?.description).toBe("changed");
    resolve();
    expect((await early)?.description).toBe("");
    expect((await stored.find("orders"))?.description).toBe("changed");
  });

  it("are read again after a read that failed", async () => {
    const { triggers, stored, put } = setUp();
    await put("orders");
    triggers.failure = new Error("away");
    await expect(stored.find("orders")).rejects.toThrow("away");
    triggers.failure = undefined;
    expect((await stored.find("orders"))?.name).toBe("orders");
  });

  it("may be more than one page", async () => {
    const { triggers, stored, put } = setUp();
    for (let i = 0; i < 1_001; i++) await put(`hook-${String(i).padStart(4, "0")}`);
    expect((await stored.find("hook-1000"))?.name).toBe("hook-1000");
    expect(triggers.calls.list).toBe(2);
  });
});

describe("events of webhooks", () => {
  it("are stored, and known when they are there already", async () => {
    const { triggers, stored } = setUp();
    expect([await stored.publish(event), await stored.publish(event)]).toEqual([{ isNew: true }, { isNew: false }]);
    expect(triggers.events).toEqual([{ ...event, source: "webhook", replayOf: "", onlyTrigger: "", depth: 0 }]);
  });

  it("are refused beyond the size of an event", async () => {
    const { stored } = setUp();
    await expect(stored.publish({ ...event, payload: new Uint8Array(11) })).rejects.toMatchObject({
      reason: "LIMIT_EXCEEDED",
      facts: { limit: 10, actual: 11 },
    });
  });

  it("are refused while too many wait, of which the store is asked once a second", async () => {
    const { triggers, clock, stored } = setUp({ maxWaiting: 5 });
    triggers.waiting = 6;
    await expect(stored.publish(event)).rejects.toMatchObject({ reason: "OVERLOADED" });
    triggers.waiting = 5;
    await expect(stored.publish(event)).rejects.toMatchObject({ reason: "OVERLOADED" });
    expect(triggers.calls).toMatchObject({ eventBacklog: 1, publish: 0 });
    clock.us += 1_000_000;
    expect(await stored.publish(event)).toEqual({ isNew: true });
  });
});
