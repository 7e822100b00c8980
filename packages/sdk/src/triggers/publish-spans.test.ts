import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { parseTraceparent, withOrigin } from "@spanloom/protocol";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { contextOfCarrier } from "../carrier.ts";
import { Client } from "../client.ts";
import { task } from "../task.ts";
import { FakeTriggerService } from "../testing/fake-trigger-service.ts";

// Registrations are global: these tests have a file, and so a process, of their own.

const traceId = "0af7651916cd43dd8448eb211c80319c";
const callerId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${callerId}-01`;
const caller = contextOfCarrier({ traceparent });
const otherId = "1af7651916cd43dd8448eb211c80319c";
const other = `00-${otherId}-c7ad6b7169203331-01`;

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));

const clients: Client[] = [];
afterEach(() => {
  trace.disable();
  for (const client of clients.splice(0)) client.close();
});

function start(options: { tracing?: boolean } = {}) {
  const service = new FakeTriggerService();
  const client = new Client({ transport: service.transport, retry: { wait: async () => undefined }, ...options });
  clients.push(client);
  const sent = () => service.published.flatMap(({ events }) => events);
  return { service, client, sent };
}

/** Registers a provider as an application does; what it has exported is to be had at any time. */
function register() {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  return () => exporter.getFinishedSpans();
}

describe("publishing an event", () => {
  it("is a producer span in the caller's trace, and its context travels in the metadata", async () => {
    const spans = register();
    const { client, sent } = start();
    const id = await context.with(caller, () => client.events.publish("order.paid", 1, { metadata: { shop: "1" } }));
    const [span] = spans();
    expect(spans()).toHaveLength(1);
    expect(span).toMatchObject({
      name: "publish order.paid",
      kind: SpanKind.PRODUCER,
      parentSpanContext: { spanId: callerId },
      status: { code: SpanStatusCode.UNSET },
      links: [],
    });
    expect(span!.attributes).toEqual({
      "messaging.system": "spanloom",
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
      "messaging.destination.name": "order.paid",
      "messaging.message.id": id,
      "spanloom.event.id": id,
      "server.address": "127.0.0.1",
      "server.port": 7171,
    });
    const { shop, traceparent: carried, ...rest } = sent()[0]!.metadata;
    expect([shop, rest]).toEqual(["1", {}]);
    expect(parseTraceparent(carried!)).toEqual({ traceId, spanId: span!.spanContext().spanId, sampled: true });
  });

  it("leaves a trace context in its metadata alone, and links to it", async () => {
    const spans = register();
    const { client, sent } = start();
    await context.with(caller, () => client.events.publish("a", 1, { metadata: { traceparent: other } }));
    expect(sent()[0]!.metadata).toEqual({ traceparent: other });
    expect(spans()[0]!.spanContext().traceId).toBe(traceId);
    expect(spans()[0]!.links).toMatchObject([{ context: { traceId: otherId } }]);
  });

  it("carries the caller's own context where there is no provider, or no tracing", async () => {
    const { client, sent } = start();
    await context.with(caller, () => client.events.publish("a", 1));
    const spans = register();
    const untraced = start({ tracing: false });
    await context.with(caller, () => untraced.client.events.publish("a", 1));
    await context.with(caller, () => client.events.publish("a", 1, { trace: false }));
    expect(sent().map(({ metadata }) => metadata)).toEqual([{ traceparent }, {}]);
    expect(untraced.sent()[0]!.metadata).toEqual({ traceparent });
    expect(spans()).toHaveLength(1);
  });

  it("within an attempt names the event as a message only, as its other names are the job's", async () => {
    const spans = register();
    const { client, sent } = start();
    const uuid = "0192f0c4-7d4b-7c3a-9f10-3b5d8e2a6c01";
    const tracestate = withOrigin("", { jobId: uuid, taskId: uuid, attempt: 1 });
    await context.with(contextOfCarrier({ traceparent, tracestate }), () => client.events.publish("a", 1, { id: "e" }));
    expect(spans()[0]!.attributes).toMatchObject({ "messaging.message.id": "e" });
    expect(spans()[0]!.attributes).not.toHaveProperty("spanloom.event.id");
    expect(sent()[0]!.metadata.tracestate).toBe(tracestate);
  });

  it("tells an error by its reason", async () => {
    const spans = register();
    const { client } = start();
    await expect(client.events.publish("spanloom.x")).rejects.toThrow();
    expect(spans()[0]).toMatchObject({
      attributes: { "error.type": "INVALID_FIELD" },
      status: { code: SpanStatusCode.ERROR },
    });
  });
});

describe("publishing many events", () => {
  const events = [
    { key: "a", id: "1" },
    { key: "a", id: "2", metadata: { traceparent: other } },
  ];

  it("is one span, whose context the request carries", async () => {
    const spans = register();
    const { service, client } = start();
    await context.with(caller, () => client.events.publishMany(events));
    const [span] = spans();
    expect(spans()).toHaveLength(1);
    expect(span).toMatchObject({
      name: "publish a",
      kind: SpanKind.PRODUCER,
      links: [{ context: { traceId: otherId } }],
    });
    expect(span!.attributes).toMatchObject({ "messaging.batch.message_count": 2, "messaging.destination.name": "a" });
    const { spanId } = parseTraceparent(service.published[0]!.trace!.traceparent)!;
    expect(spanId).toBe(span!.spanContext().spanId);
    expect(service.published[0]!.events.map(({ metadata }) => metadata)).toEqual([{}, { traceparent: other }]);
  });

  it("of several keys names none of them", async () => {
    const spans = register();
    const { client } = start();
    await client.events.publishMany([{ key: "a" }, { key: "b" }]);
    expect(spans()[0]!.name).toBe("publish");
    expect(spans()[0]!.attributes).not.toHaveProperty("messaging.destination.name");
  });

  it("is a span for each by option, in one request", async () => {
    const spans = register();
    const { service, client, sent } = start();
    const published = await context.with(caller, () => client.events.publishMany(events, { spans: "each" }));
    expect(published).toEqual({ ids: ["1", "2"], existed: 0 });
    expect(service.published).toHaveLength(1);
    expect(service.published[0]).not.toHaveProperty("trace");
    expect(spans().map(({ name, attributes }) => [name, attributes["messaging.message.id"]])).toEqual([
      ["publish a", "1"],
      ["publish a", "2"],
    ]);
    expect(parseTraceparent(sent()[0]!.metadata.traceparent!)!.spanId).toBe(spans()[0]!.spanContext().spanId);
    expect(sent()[1]!.metadata).toEqual({ traceparent: other });
  });

  it("fails with all its spans", async () => {
    const spans = register();
    const { client } = start();
    const refused = client.events.publishMany([{ key: "a" }, { key: "spanloom.x" }], { spans: "each" });
    await expect(refused).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    expect(spans().map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR]);
  });
});

describe("firing a schedule", () => {
  it("is a producer span that the job is told of", async () => {
    const spans = register();
    const { service, client } = start();
    await client.schedules.put({ name: "nightly", every: "1d", task: task({ name: "noop", run() {} }) });
    await context.with(caller, () => client.schedules.fire("nightly"));
    const [span] = spans();
    expect(spans()).toHaveLength(1);
    expect(span).toMatchObject({
      name: "fire nightly",
      kind: SpanKind.PRODUCER,
      parentSpanContext: { spanId: callerId },
    });
    expect(span!.attributes).toMatchObject({
      "messaging.destination.name": "nightly",
      "messaging.message.id": "by hand",
      "spanloom.schedule.name": "nightly",
    });
    expect(parseTraceparent(service.fires[0]!.trace!.traceparent)!.spanId).toBe(span!.spanContext().spanId);
  });
});
