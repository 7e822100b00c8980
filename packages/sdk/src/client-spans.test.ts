import { Code, ConnectError } from "@connectrpc/connect";
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import * as current from "@opentelemetry/sdk-trace-base";
import { parseTraceparent, TraceMode, withOrigin } from "@spanloom/protocol";
import * as earlier from "sdk-trace-base-1";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { contextOfCarrier, createTraceparent, extractTraceparent, injectTraceparent } from "./carrier.ts";
import { Client } from "./client.ts";
import { tracesAttemptsOnly } from "./client-spans.ts";
import { task } from "./task.ts";
import { FakeJobService } from "./testing/fake-job-service.ts";

// Registrations are global: these tests have a file, and so a process, of their own.

const traceId = "0af7651916cd43dd8448eb211c80319c";
const callerId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${callerId}-01`;
const caller = contextOfCarrier({ traceparent });
const echo = task({ name: "echo", run: (text: string) => text });

/** The SDK of the application, by major version. */
const sdks = { "1.x": earlier, "2.x": current };

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));

const clients: Client[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  trace.disable();
  for (const client of clients.splice(0)) client.close();
});

function start(options: { tracing?: boolean } = {}) {
  const service = new FakeJobService();
  const client = new Client({ transport: service.transport, retry: { wait: async () => undefined }, ...options });
  clients.push(client);
  return { service, client, parentOf: (at: number) => parseTraceparent(service.requests[at]!.trace!.traceparent)! };
}

/** Registers a provider as an application does; what it has exported is to be had at any time. */
function register(sdk: typeof current | typeof earlier = current, marks: object = {}) {
  const exporter = new sdk.InMemorySpanExporter();
  const processor = new sdk.SimpleSpanProcessor(exporter as never);
  const provider = new sdk.BasicTracerProvider({ spanProcessors: [processor as never] });
  trace.setGlobalTracerProvider(Object.assign(provider, marks));
  return () => exporter.getFinishedSpans();
}

describe.each(Object.entries(sdks))("with a provider of the OpenTelemetry SDK %s", (version, sdk) => {
  it("a submission is a producer span in the caller's trace, and the job's parent", async () => {
    const spans = register(sdk);
    const { client, parentOf } = start();
    await context.with(caller, () => client.jobs.submit(echo, "a", { queue: "slow" }));
    const [span] = spans();
    expect(spans()).toHaveLength(1);
    expect(span).toMatchObject({
      name: "submit slow",
      kind: SpanKind.PRODUCER,
      status: { code: SpanStatusCode.UNSET },
    });
    const parent = version === "1.x" ? { parentSpanId: callerId } : { parentSpanContext: { spanId: callerId } };
    expect(span).toMatchObject(parent);
    expect(span!.attributes).toMatchObject({
      "messaging.system": "spanloom",
      "messaging.operation.name": "submit",
      "messaging.operation.type": "send",
      "messaging.destination.name": "slow",
      "messaging.message.id": "job-1",
      "messaging.message.conversation_id": "job-1",
      "server.address": "127.0.0.1",
      "server.port": 7171,
      "spanloom.job.id": "job-1",
      "spanloom.job.name": "echo",
    });
    expect(parentOf(0)).toEqual({ traceId, spanId: span!.spanContext().spanId, sampled: true });
  });

  it("of an unsampled caller nothing is recorded, and the job is unsampled too", async () => {
    const spans = register(sdk);
    const { client, parentOf } = start();
    const unsampled = contextOfCarrier({ traceparent: `00-${traceId}-${callerId}-00` });
    await context.with(unsampled, () => client.jobs.submit(echo, "a"));
    expect(spans()).toEqual([]);
    expect(parentOf(0)).toMatchObject({ traceId, sampled: false });
  });
});

describe("client spans", () => {
  it("of cancel, retry and clone name the job, and its queue once the server has told it", async () => {
    const spans = register();
    const { client } = start();
    const job = await client.jobs.submit(echo, "a");
    await job.cancel("no longer needed");
    await job.retry();
    await client.jobs.clone(job.id);
    const told = spans().map(({ name, kind, attributes }) => [name, kind, attributes["messaging.message.id"]]);
    const { PRODUCER } = SpanKind;
    expect(told).toEqual([
      ["submit default", PRODUCER, "job-1"],
      ["cancel default", PRODUCER, "job-1"],
      ["retry default", PRODUCER, "job-1"],
      ["clone default", PRODUCER, "job-2"],
    ]);
  });

  it("tell an error by its reason", async () => {
    const spans = register();
    const { service, client } = start();
    await expect(client.jobs.cancel("none")).rejects.toThrow("cannot find job");
    service.failures.push(new ConnectError("bad", Code.InvalidArgument));
    await expect(client.jobs.submit(echo, "a", { name: "refused" })).rejects.toThrow();
    const [cancel, submit] = spans();
    expect(cancel).toMatchObject({
      attributes: { "error.type": "JOB_NOT_FOUND", "messaging.message.id": "none" },
      status: { code: SpanStatusCode.ERROR, message: 'cannot find job "none"' },
    });
    expect(cancel!.events.map(({ name }) => name)).toEqual(["exception"]);
    expect(submit).toMatchObject({ attributes: { "error.type": "INVALID_FIELD" } });
  });

  it("stand for a whole batch, or for each of its jobs when asked to", async () => {
    const spans = register();
    const { service, client, parentOf } = start();
    await client.jobs.submitMany(echo, ["a", "b"]);
    const [batch, ...none] = spans();
    expect(none).toEqual([]);
    expect(batch).toMatchObject({ name: "submit default", attributes: { "messaging.batch.message_count": 2 } });
    expect(batch!.attributes).not.toHaveProperty("messaging.message.id");
    expect([0, 1].map((at) => parentOf(at).spanId)).toEqual(Array(2).fill(batch!.spanContext().spanId));

    await client.jobs.submitMany(echo, ["c", "d"], { spans: "each", traceMode: "link" });
    const each = spans().slice(1);
    expect(each.map(({ attributes }) => attributes["messaging.message.id"])).toEqual(["job-3", "job-4"]);
    expect(service.requests[2]!.traceMode).toBe(TraceMode.LINK);
    expect([2, 3].map((at) => parentOf(at).spanId)).toEqual(each.map((span) => span.spanContext().spanId));
    await client.jobs.submitMany(echo, []);
    expect(spans()).toHaveLength(3);
  });

  it("of a batch last until its last job was answered, and tell the first refusal", async () => {
    const spans = register();
    const waiting = Promise.withResolvers<void>();
    const again = Promise.withResolvers<void>();
    const service = new FakeJobService();
    const wait = async () => {
      waiting.resolve();
      await again.promise;
    };
    const client = new Client({ transport: service.transport, retry: { wait } });
    clients.push(client);
    service.failures.push(new ConnectError("bad", Code.InvalidArgument), new ConnectError("away", Code.Unavailable));
    // More than a request takes: the first is refused, the second sent again.
    const inputs = Array<string>(25).fill("x".repeat(200_000));
    const refused = expect(client.jobs.submitMany(echo, inputs)).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    await waiting.promise;
    // Whatever follows from the refusal has followed.
    await new Promise(setImmediate);
    expect(spans()).toEqual([]);
    again.resolve();
    await refused;
    expect(spans()).toMatchObject([{ attributes: { "error.type": "INVALID_FIELD" } }]);
    expect(service.calls.submitJobs).toBe(3);
  });

  it("within an attempt belong to its job and name the new one as a message", async () => {
    const spans = register();
    const { client } = start();
    const id = "0192f0c4-7d4b-7c3a-9f10-3b5d8e2a6c01";
    const tracestate = withOrigin("", { jobId: id, taskId: id, attempt: 1 });
    const attempt = contextOfCarrier({ traceparent, tracestate });
    await context.with(attempt, () => client.jobs.submit(echo, "a"));
    expect(spans()[0]!.attributes["messaging.message.id"]).toBe("job-1");
    expect(Object.keys(spans()[0]!.attributes).filter((name) => name.startsWith("spanloom."))).toEqual([]);
  });

  it("are not made by a provider that sees attempts only: it is not the application's", async () => {
    const spans = register(current, { [tracesAttemptsOnly]: true });
    const { client, parentOf } = start();
    await context.with(caller, () => client.jobs.submit(echo, "a"));
    expect([spans().length, parentOf(0).spanId]).toEqual([0, callerId]);
  });

  it("are not made without a provider, nor when switched off: the caller's own span is the job's parent", async () => {
    const off = start({ tracing: false });
    const without = start();
    await context.with(caller, () => without.client.jobs.submit(echo, "a"));
    const spans = register();
    await context.with(caller, () => off.client.jobs.submit(echo, "a"));
    expect(spans()).toEqual([]);
    vi.stubEnv("OTEL_SDK_DISABLED", " True");
    const disabled = start();
    await context.with(caller, () => disabled.client.jobs.submit(echo, "a"));
    expect(spans()).toEqual([]);
    for (const { service } of [off, without, disabled])
      expect(service.requests[0]!.trace).toMatchObject({ traceparent });
  });
});

describe("the trace context of a clone", () => {
  it("is that of its span, or the caller's own, and no tag", async () => {
    const { service, client } = start();
    const job = await client.jobs.submit(echo, "a");
    await context.with(caller, () => client.jobs.clone(job.id, { traceMode: "link" }));
    await client.jobs.clone(job.id, { tags: { traceparent, team: "a" } });
    await context.with(caller, () => client.jobs.clone(job.id, { trace: false }));
    expect(service.clones.map((request) => request.trace?.traceparent)).toEqual([traceparent, traceparent, undefined]);
    expect(service.clones.map(({ traceMode }) => traceMode)).toEqual([
      TraceMode.LINK,
      TraceMode.CHILD,
      TraceMode.CHILD,
    ]);
    expect(service.clones[1]!.tags).toEqual({ team: "a" });
    const spans = register();
    await context.with(caller, () => client.jobs.clone(job.id));
    const { spanId } = spans()[0]!.spanContext();
    expect(parseTraceparent(service.clones[3]!.trace!.traceparent)).toEqual({ traceId, spanId, sampled: true });
  });
});

describe("the trace context of a submission", () => {
  const other = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const third = "00-11111111111111111111111111111111-2222222222222222-01";

  it("is the option's, else that among the tags, else the active one", async () => {
    const { service, client } = start();
    await context.with(caller, async () => {
      await client.jobs.submit(echo, "a", { trace: { traceparent: third }, tags: { traceparent: other } });
      await client.jobs.submit(echo, "b", { tags: { Traceparent: other, tracestate: "k=v", team: "a" } });
      await client.jobs.submit(echo, "c", { tags: { traceparent: "nonsense", baggage: "of an airline" } });
      await client.jobs.submit(echo, "d", { trace: false, tags: { traceparent: other } });
    });
    expect(service.requests.map((request) => request.trace?.traceparent)).toEqual([
      third,
      other,
      traceparent,
      undefined,
    ]);
    expect(service.requests[1]!.trace!.tracestate).toBe("k=v");
    const kept = { traceparent: "nonsense", baggage: "of an airline" };
    expect(service.requests.map(({ tags }) => tags)).toEqual([{}, { team: "a" }, kept, {}]);
  });

  it("is where the span of the submission is, and what cannot be read is sent as it is", async () => {
    const spans = register();
    const { service, client, parentOf } = start();
    await context.with(propagation.setBaggage(caller, propagation.createBaggage({ a: { value: "1" } })), async () => {
      await client.jobs.submit(echo, "a", { tags: { traceparent: other } });
      await client.jobs.submit(echo, "b", { trace: { traceparent: "nonsense" } });
      await client.jobs.submit(echo, "c", { trace: false });
    });
    const given = parseTraceparent(other)!;
    expect(spans().map((span) => span.spanContext().traceId)).toEqual([given.traceId, traceId, traceId]);
    expect(spans()[0]).toMatchObject({ parentSpanContext: { spanId: given.spanId, isRemote: true } });
    expect(parentOf(0).spanId).toBe(spans()[0]!.spanContext().spanId);
    expect(service.requests[0]!.trace!.baggage).toBe("");
    expect(service.requests[1]!.trace!.traceparent).toBe("nonsense");
    expect(service.requests[2]!.trace).toBeUndefined();
  });

  it("comes by metadata from one process to another", () => {
    expect([createTraceparent(), injectTraceparent({ a: "b" })]).toEqual([undefined, { a: "b" }]);
    const tags = { team: "a", Traceparent: "stale" };
    const metadata = context.with(caller, () => injectTraceparent(tags));
    expect(metadata).toEqual({ team: "a", traceparent });
    expect(tags).toEqual({ team: "a", Traceparent: "stale" });
    expect(extractTraceparent(metadata)).toEqual({ traceparent });
    expect(createTraceparent(caller)).toBe(traceparent);
    expect(createTraceparent(ROOT_CONTEXT)).toBeUndefined();
  });
});
