import { Code, ConnectError } from "@connectrpc/connect";
import { EventSource } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { allOf } from "../testing/all-of.ts";
import { FakeTriggerService, firing } from "../testing/fake-trigger-service.ts";
import { startedClient } from "../testing/started-client.ts";

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const other = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01";

const start = () => startedClient(new FakeTriggerService());

describe("publishing an event", () => {
  it("sends key, payload, metadata and an id of its own, which it returns", async () => {
    const { service, client } = start();
    const id = await client.events.publish("order.paid", { amount: 5 }, { metadata: { shop: "1" } });
    expect(id).toHaveLength(36);
    expect(service.published).toHaveLength(1);
    expect(service.published[0]!.events).toMatchObject([{ id, key: "order.paid", metadata: { shop: "1" } }]);
    expect(service.published[0]).not.toHaveProperty("trace");
    expect(await client.events.get(id)).toMatchObject({ payload: { amount: 5 }, source: "PUBLISHED", firings: [] });
  });

  it("may be without a payload, and of an id that is given", async () => {
    const { client } = start();
    expect(await client.events.publish("tick", undefined, { id: "one" })).toBe("one");
    expect(await client.events.get("one")).toMatchObject({ payload: null });
  });

  it("makes no second event when the answer was lost", async () => {
    const { service, client } = start();
    service.failures.push(new ConnectError("lost", Code.Unavailable));
    await client.events.publish("a", 1);
    expect(service.published).toHaveLength(2);
    expect(service.events.size).toBe(1);
  });

  it("shares a request with others of the same turn, also when there are many", async () => {
    const { service, client } = start();
    const ids = await Promise.all(Array.from({ length: 5_001 }, (_, index) => client.events.publish("a", index)));
    expect(new Set(ids).size).toBe(5_001);
    expect(service.published.map(({ events }) => events.length)).toEqual([5_000, 1]);
  });

  it("is refused without harm to those that shared its request", async () => {
    const { service, client } = start();
    const results = await Promise.allSettled(
      ["a", "spanloom.job.failed", "b"].map((key) => client.events.publish(key)),
    );
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[1]).toMatchObject({ reason: { reason: "INVALID_FIELD" } });
    expect([...service.events.values()].map(({ key }) => key)).toEqual(["a", "b"]);
  });

  it("fails as those that shared its request when the server cannot take any", async () => {
    const { service, client } = start();
    service.failures = Array.from({ length: 5 }, () => new ConnectError("gone", Code.Unavailable));
    const results = await Promise.allSettled(["a", "b"].map((key) => client.events.publish(key)));
    expect(results).toMatchObject([
      { reason: { reason: "STORE_UNAVAILABLE" } },
      { reason: { reason: "STORE_UNAVAILABLE" } },
    ]);
    expect(service.published).toHaveLength(5);
  });

  it("carries the trace context given, in its metadata, unless these have one", async () => {
    const { service, client } = start();
    await client.events.publish("a", 1, { trace: { traceparent, baggage: "b=1" }, metadata: { shop: "1" } });
    await client.events.publish("a", 1, { trace: { traceparent, baggage: "b=1" }, metadata: { Traceparent: other } });
    await client.events.publish("a", 1, { trace: { traceparent }, metadata: { traceparent: "nonsense" } });
    expect(service.published.map(({ events }) => events[0]!.metadata)).toEqual([
      { shop: "1", traceparent, baggage: "b=1" },
      { Traceparent: other },
      { traceparent },
    ]);
  });

  it.each([
    [["", 1], 'cannot publish event "": its key must be a text that is not empty'],
    [["a", 1n], 'cannot publish event "a": its payload cannot be written as JSON: value is a bigint'],
    [["a", 1, { metadata: { n: 1 } }], 'cannot publish event "a": metadata.n is a number, must be a text'],
    [["a", "x".repeat(1_048_576)], 'cannot publish event "a": its payload has 1048578 bytes, limit is 1048576'],
  ])("refuses %o by name before anything is sent", async (args, message) => {
    const { service, client } = start();
    const publish = client.events.publish(...(args as [string]));
    await expect(publish).rejects.toThrow(message);
    expect(service.calls).toEqual({});
  });
});

describe("publishing many events", () => {
  it("sends them in order, parted by count", async () => {
    const { service, client } = start();
    const events = Array.from({ length: 12_000 }, (_, index) => ({ key: "a", payload: index }));
    const { ids, existed } = await client.events.publishMany(events);
    expect(existed).toBe(0);
    expect(service.published.map((request) => request.events.length)).toEqual([5_000, 5_000, 2_000]);
    expect([...service.events.keys()]).toEqual(ids);
  });

  it("parts them by bytes, under what a server reads", async () => {
    const { service, client } = start();
    const events = Array.from({ length: 20 }, () => ({ key: "a", payload: "x".repeat(1_000_000) }));
    await client.events.publishMany(events);
    expect(service.published.map((request) => request.events.length)).toEqual([8, 8, 4]);
  });

  it("tells how many were there, and sends nothing for none", async () => {
    const { service, client } = start();
    await client.events.publish("a", 1, { id: "one" });
    const events = ["one", "two"].map((id) => ({ key: "a", id }));
    expect(await client.events.publishMany(events)).toEqual({ ids: ["one", "two"], existed: 1 });
    expect(await client.events.publishMany([])).toEqual({ ids: [], existed: 0 });
    expect(service.calls.publishEvents).toBe(2);
  });

  it("ends with the first request that fails", async () => {
    const { service, client } = start();
    const events = Array.from({ length: 15_000 }, (_, i) => ({ key: i === 7_000 ? "spanloom.x" : "a", id: `e${i}` }));
    await expect(client.events.publishMany(events)).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    expect(service.published).toHaveLength(2);
    expect(service.events.size).toBe(5_000);
  });

  it("says the publisher's trace context once, and leaves that of each event alone", async () => {
    const { service, client } = start();
    await client.events.publishMany([{ key: "a" }, { key: "b", metadata: { traceparent: other } }], {
      trace: { traceparent },
    });
    expect(service.published[0]).toMatchObject({
      trace: { traceparent, tracestate: "", baggage: "" },
      events: [{ metadata: {} }, { metadata: { traceparent: other } }],
    });
  });
});

describe("events", () => {
  it("are listed by conditions, newest first", async () => {
    const { service, client } = start();
    await client.events.publishMany(["one", "two"].map((id) => ({ key: "a.b", id })));
    const conditions = { key: "a.*", receivedAfter: new Date(1_000), receivedBefore: new Date(2_000), webhook: "w" };
    const events = await allOf(client.events.list({ ...conditions, sources: ["WEBHOOK", "JOB"], limit: 2 }));
    expect(events.map(({ id }) => id)).toEqual(["two", "one"]);
    expect(events[0]).not.toHaveProperty("firings");
    expect(service.eventLists[0]).toMatchObject({
      pageSize: 2,
      filter: {
        keyPattern: "a.*",
        receivedAfter: { seconds: 1n },
        receivedBefore: { seconds: 2n },
        sources: [EventSource.WEBHOOK, EventSource.JOB],
        webhook: "w",
      },
    });
  });

  it("come with what they fired when one is asked for", async () => {
    const { service, client } = start();
    service.firings.push(firing("a"));
    const id = await client.events.publish("a");
    expect(await client.events.get(id)).toMatchObject({ firings: [{ id: "a", outcome: "SUBMITTED" }] });
    await expect(client.events.get("none")).rejects.toMatchObject({ reason: "EVENT_NOT_FOUND" });
  });

  it("are replayed by id or by conditions, under one key", async () => {
    const { service, client } = start();
    service.failures.push(new ConnectError("lost", Code.Unavailable));
    expect(await client.events.replay(["a", "b"], { trigger: "t" })).toEqual(["a again", "b again"]);
    expect(service.replays).toHaveLength(2);
    expect(service.replays[0]).toMatchObject({ eventIds: ["a", "b"], trigger: "t" });
    expect(service.replays[0]!.idempotencyKey).toHaveLength(36);
    expect(service.replays[1]).toEqual(service.replays[0]);
    await client.events.replay({ key: "order.**" }, { maxEvents: 5, idempotencyKey: "mine" });
    expect(service.replays[2]).toMatchObject({
      eventIds: [],
      filter: { keyPattern: "order.**" },
      maxEvents: 5,
      idempotencyKey: "mine",
    });
  });
});
