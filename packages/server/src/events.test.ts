import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import {
  defaultLimits,
  EventService,
  EventSource,
  FiringOutcome,
  fromConnectError,
  JobService,
  type Limits,
  type SpanloomError,
  TraceMode,
  TriggerService,
  TriggerType,
  withOrigin,
} from "@spanloom/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "./clock.ts";
import { LoopRunner, returned } from "./rpc/testing/loop-runner.ts";
import { serveStubs } from "./rpc/testing/stubs.ts";
import { SqliteStore } from "./store/sqlite/index.ts";

let folder: string;
let server: Awaited<ReturnType<typeof serveStubs>>;
let transport: Transport;
let events: Client<typeof EventService>;
let triggers: Client<typeof TriggerService>;
let jobs: Client<typeof JobService>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
  await startServer();
});

afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function startServer(limits: Partial<Limits> = {}): Promise<void> {
  const store = new SqliteStore({ dataDir: folder, nowUs: () => systemClock.nowUs() });
  server = await serveStubs({ store, limits: { ...defaultLimits, ...limits } });
  transport = createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" });
  events = createClient(EventService, transport);
  triggers = createClient(TriggerService, transport);
  jobs = createClient(JobService, transport);
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const text = (bytes: Uint8Array | undefined): unknown => JSON.parse(new TextDecoder().decode(bytes));

/** A job of one task. */
const jobOf = (task: string, more: object = {}) => ({
  name: `${task} job`,
  tasks: { specs: [{ identifier: { name: task } }], groups: [{ inputs: [json("own")], specs: [0] }] },
  ...more,
});

/** Name of an outcome. */
function outcomeOf(outcome: FiringOutcome): string | undefined {
  return Object.entries(FiringOutcome).find(([, value]) => value === outcome)?.[0];
}

/** An event that every trigger has seen, with what it fired. */
async function matchedEvent(eventId: string) {
  return await vi.waitFor(
    async () => {
      const { event } = await events.getEvent({ eventId });
      expect(event?.matched).toBe(true);
      return event!;
    },
    { timeout: 60_000, interval: 20 },
  );
}

async function jobFired(eventId: string) {
  const { firings } = await matchedEvent(eventId);
  expect(firings.map(({ outcome, error }) => [outcomeOf(outcome), error])).toEqual([["SUBMITTED", ""]]);
  const { job } = await jobs.getJob({ jobId: firings[0]!.jobId });
  return job!;
}

async function countJobs(): Promise<number> {
  const { counts } = await jobs.countJobs({});
  return counts.reduce((sum, { count }) => sum + Number(count), 0);
}

async function refusal(call: Promise<unknown>): Promise<SpanloomError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return fromConnectError(error);
}

test("an event that matches a trigger submits its job, with the input that the trigger makes", async () => {
  await triggers.putTrigger({
    name: "on paid",
    keyPattern: "order.*",
    filter: "event.payload.amount > 100 && event.metadata.region == 'eu'",
    input: "{'order': event.payload.id, 'key': event.key}",
    job: jobOf("ship"),
  });
  const published = await events.publishEvents({
    events: [
      { id: "e-1", key: "order.paid", payload: json({ id: "o-1", amount: 120 }), metadata: { region: "eu" } },
      { id: "e-2", key: "order.paid", payload: json({ id: "o-2", amount: 12 }), metadata: { region: "eu" } },
      { id: "e-3", key: "invoice.paid", payload: json({ id: "o-3", amount: 120 }), metadata: { region: "eu" } },
    ],
  });
  expect(published).toMatchObject({ eventIds: ["e-1", "e-2", "e-3"], existed: 0 });
  const job = await jobFired("e-1");
  expect(job.name).toBe("ship job");
  expect(job.trigger).toMatchObject({ type: TriggerType.EVENT, trigger: "on paid", eventId: "e-1", depth: 1 });
  const { tasks } = await jobs.listTasks({ jobId: job.id });
  const { task } = await jobs.getTask({ taskId: tasks[0]!.id });
  expect(text(task?.input)).toEqual({ order: "o-1", key: "order.paid" });
  expect((await matchedEvent("e-2")).firings).toEqual([]);
  expect((await matchedEvent("e-3")).firings).toEqual([]);
  expect((await triggers.getTrigger({ name: "on paid" })).trigger?.lastFiring?.jobId).toBe(job.id);
});

test("an event is published once, however often it is sent", async () => {
  await triggers.putTrigger({ name: "all", keyPattern: "**", job: jobOf("once") });
  const event = { id: "same", key: "a.b", payload: json(1) };
  expect(await events.publishEvents({ events: [event, event] })).toMatchObject({ existed: 1 });
  await matchedEvent("same");
  expect(await events.publishEvents({ events: [event] })).toMatchObject({ eventIds: ["same"], existed: 1 });
  await events.publishEvents({ events: [{ id: "later", key: "a.b" }] });
  await matchedEvent("later");
  expect((await events.getEvent({ eventId: "same" })).event?.firings).toHaveLength(1);
  expect((await jobs.listJobs({})).jobs).toHaveLength(2);
});

test("events without an id get one, and a payload of null when they have none", async () => {
  const { eventIds } = await events.publishEvents({ events: [{ key: "a.b" }] });
  const event = await matchedEvent(eventIds[0]!);
  expect(text(event.payload)).toBeNull();
  expect(event.source).toBe(EventSource.PUBLISHED);
});

test("a call of which one event is wrong publishes none, and says which", async () => {
  const good = { id: "good", key: "a.b" };
  const wrong = async (event: object): Promise<[string | undefined, string]> => {
    const error = await refusal(events.publishEvents({ events: [good, event] }));
    return [error.facts.field, error.reason];
  };
  expect(await wrong({ key: "" })).toEqual(["events[1].key", "INVALID_FIELD"]);
  expect(await wrong({ key: "spanloom.job.failed" })).toEqual(["events[1].key", "INVALID_FIELD"]);
  expect(await wrong({ key: "a", payload: Buffer.from("{") })).toEqual(["events[1].payload", "INVALID_FIELD"]);
  expect(await wrong({ key: "a", payload: Buffer.from([0x22, 0xff, 0x22]) })).toEqual([
    "events[1].payload",
    "INVALID_FIELD",
  ]);
  expect(await wrong({ key: "a", payload: Buffer.alloc(1024 * 1024 + 1, "1") })).toEqual([
    "events[1].payload",
    "LIMIT_EXCEEDED",
  ]);
  expect(await wrong({ key: "a", id: "x".repeat(257) })).toEqual(["events[1].id", "LIMIT_EXCEEDED"]);
  expect(await wrong({ key: "a", metadata: { m: "x".repeat(4_097) } })).toEqual([
    'events[1].metadata["m"]',
    "LIMIT_EXCEEDED",
  ]);
  expect((await refusal(events.publishEvents({}))).facts.field).toBe("events");
  expect((await refusal(events.getEvent({ eventId: "good" }))).reason).toBe("EVENT_NOT_FOUND");
});

test("what a filter cannot tell is recorded with its trigger, and other triggers take the event", async () => {
  await triggers.putTrigger({ name: "asks", keyPattern: "a.*", filter: "event.payload.n > 1", job: jobOf("asks") });
  await triggers.putTrigger({ name: "takes", keyPattern: "a.*", job: jobOf("takes") });
  await events.publishEvents({ events: [{ id: "e", key: "a.b", payload: json({}) }] });
  const { firings } = await matchedEvent("e");
  expect(firings.map(({ outcome }) => outcomeOf(outcome)).sort()).toEqual(["FAILED", "SUBMITTED"]);
  const { trigger } = await triggers.getTrigger({ name: "asks" });
  expect(trigger?.lastError).toContain("No such key: n");
});

test("a filter that runs for ever is stopped and told, and events after it are matched", async () => {
  const runaway = "event.payload.text.matches('^(a+)+$')";
  await triggers.putTrigger({ name: "runaway", keyPattern: "**", filter: runaway, job: jobOf("runaway") });
  await triggers.putTrigger({ name: "other", keyPattern: "**", job: jobOf("other") });
  await events.publishEvents({ events: [{ id: "poison", key: "a", payload: json({ text: `${"a".repeat(60)}!` }) }] });
  await events.publishEvents({ events: [{ id: "good", key: "a", payload: json({ text: "aa" }) }] });
  const poison = await matchedEvent("poison");
  expect(poison.firings.map(({ outcome }) => outcomeOf(outcome)).sort()).toEqual(["FAILED", "SUBMITTED"]);
  expect((await matchedEvent("good")).firings).toHaveLength(2);
  expect(server.log.join()).toContain('trigger "runaway" was stopped at event "poison"');
});

test("a paused trigger lets events pass by", async () => {
  await triggers.putTrigger({ name: "t", keyPattern: "**", job: jobOf("t") });
  await triggers.pauseTrigger({ name: "t" });
  await events.publishEvents({ events: [{ id: "e-1", key: "a" }] });
  expect((await matchedEvent("e-1")).firings).toEqual([]);
  await triggers.resumeTrigger({ name: "t" });
  await events.publishEvents({ events: [{ id: "e-2", key: "a" }] });
  await jobFired("e-2");
});

test("a job's end is an event that starts another job, in its trace if the trigger says so", async () => {
  await triggers.putTrigger({
    name: "after a",
    keyPattern: "spanloom.job.succeeded",
    filter: "event.payload.name == 'a job'",
    input: "event.payload.job_id",
    traceMode: TraceMode.CHILD,
    job: jobOf("b"),
  });
  const { job: first } = await jobs.submitJob(jobOf("a"));
  const inputs: unknown[] = [];
  const take = (task: { input: Uint8Array }) => {
    inputs.push(text(task.input));
    return returned("done");
  };
  const runner = new LoopRunner(transport, { a: take, b: take });
  await vi.waitFor(
    async () => {
      await runner.drain();
      expect(inputs).toEqual(["own", first?.id]);
    },
    { timeout: 60_000, interval: 20 },
  );
  const { jobs: found } = await jobs.listJobs({});
  const second = found.find(({ id }) => id !== first?.id);
  expect(second?.trigger).toMatchObject({ type: TriggerType.EVENT, trigger: "after a", depth: 1 });
  expect(second?.span?.traceId).toBe(first?.span?.traceId);
});

test("jobs that start each other end at the limit, which is told", async () => {
  await server.stop();
  await startServer({ maxTriggerDepth: 3 });
  await triggers.putTrigger({ name: "loop", keyPattern: "spanloom.job.succeeded", job: jobOf("again") });
  await jobs.submitJob(jobOf("again"));
  const runner = new LoopRunner(transport, { again: () => returned("done") });
  await vi.waitFor(
    async () => {
      await runner.drain();
      const { trigger } = await triggers.getTrigger({ name: "loop" });
      expect(trigger?.lastError).toContain("the event is 3 jobs deep, limit 3");
    },
    { timeout: 60_000, interval: 20 },
  );
  expect((await jobs.listJobs({})).jobs.map(({ trigger }) => trigger?.depth)).toEqual([3, 2, 1, 0]);
});

test("an event that a task publishes is as deep as its job", async () => {
  await triggers.putTrigger({ name: "t", keyPattern: "a", job: jobOf("t") });
  await events.publishEvents({ events: [{ id: "e-1", key: "a" }] });
  const job = await jobFired("e-1");
  const { tasks } = await jobs.listTasks({ jobId: job.id });
  const tracestate = withOrigin("", { jobId: job.id, taskId: tasks[0]!.id, attempt: 1 });
  const trace = { traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01`, tracestate };
  await events.publishEvents({ events: [{ id: "e-2", key: "a" }], trace });
  expect((await matchedEvent("e-2")).depth).toBe(1);
  expect((await jobFired("e-2")).trigger?.depth).toBe(2);
});

test("the publisher's span is the job's parent or linked to, by the trigger's trace mode", async () => {
  const parent = { traceId: "1".repeat(32), spanId: "2".repeat(16) };
  await triggers.putTrigger({ name: "c", keyPattern: "child", traceMode: TraceMode.CHILD, job: jobOf("c") });
  await triggers.putTrigger({ name: "l", keyPattern: "link", job: jobOf("l") });
  const metadata = { Traceparent: `00-${parent.traceId}-${parent.spanId}-01`, fact: "kept" };
  await events.publishEvents({
    events: [
      { id: "e-1", key: "child", metadata },
      { id: "e-2", key: "link", metadata },
    ],
  });
  expect((await jobFired("e-1")).span?.traceId).toBe(parent.traceId);
  expect((await jobFired("e-2")).span?.traceId).not.toBe(parent.traceId);
  expect((await events.getEvent({ eventId: "e-1" })).event?.metadata).toEqual({ fact: "kept" });
});

test("events are listed newest first, by key, time and source", async () => {
  const keys = ["order.paid", "order.sent", "order.item.lost", "invoice.paid"];
  await events.publishEvents({ events: keys.map((key, n) => ({ id: `e-${n}`, key })) });
  const ids = async (filter: object, page: object = {}): Promise<string[]> =>
    (await events.listEvents({ filter, ...page })).events.map(({ id }) => id);
  expect(await ids({})).toEqual(["e-3", "e-2", "e-1", "e-0"]);
  expect(await ids({ keyPattern: "order.*" })).toEqual(["e-1", "e-0"]);
  expect(await ids({ keyPattern: "order.**" })).toEqual(["e-2", "e-1", "e-0"]);
  expect(await ids({ keyPattern: "*.paid" })).toEqual(["e-3", "e-0"]);
  expect(await ids({ sources: [EventSource.JOB] })).toEqual([]);
  const first = await events.listEvents({ pageSize: 3 });
  const second = await events.listEvents({ pageSize: 3, pageToken: first.nextPageToken });
  expect([...first.events, ...second.events].map(({ id }) => id)).toEqual(["e-3", "e-2", "e-1", "e-0"]);
  expect(second.nextPageToken).toBe("");
  expect((await refusal(events.listEvents({ filter: { keyPattern: "a..b" } }))).facts.field).toBe("filter.key_pattern");
});

test("kept events are replayed to one trigger, once under a key", async () => {
  await triggers.putTrigger({ name: "old", keyPattern: "**", job: jobOf("old") });
  await events.publishEvents({
    events: [
      { id: "e-1", key: "a" },
      { id: "e-2", key: "b" },
    ],
  });
  await matchedEvent("e-2");
  await triggers.putTrigger({ name: "new", keyPattern: "**", job: jobOf("new") });
  const replay = { filter: { keyPattern: "*" }, trigger: "new", idempotencyKey: "k" };
  const { eventIds } = await events.replayEvents(replay);
  expect(eventIds).toHaveLength(2);
  const first = await matchedEvent(eventIds[0]!);
  expect(first).toMatchObject({ replayOf: "e-1", key: "a", source: EventSource.REPLAY });
  expect((await jobFired(eventIds[1]!)).trigger?.trigger).toBe("new");
  expect((await events.replayEvents({ eventIds: ["e-1"], trigger: "new", idempotencyKey: "k" })).eventIds).toEqual([
    eventIds[0],
  ]);
  // Whatever the first call made fulfils the conditions, too.
  expect((await events.replayEvents(replay)).eventIds).toEqual(eventIds);
  expect((await events.replayEvents({ ...replay, maxEvents: 2 })).eventIds).toEqual(eventIds);
  expect((await jobs.listJobs({})).jobs).toHaveLength(4);
  expect((await refusal(events.replayEvents({ filter: {}, maxEvents: 1 }))).reason).toBe("LIMIT_EXCEEDED");
  expect((await refusal(events.replayEvents({ eventIds: ["gone"] }))).reason).toBe("EVENT_NOT_FOUND");
  expect((await refusal(events.replayEvents({ eventIds: ["e-1"], trigger: "x" }))).reason).toBe("TRIGGER_NOT_FOUND");
  expect((await refusal(events.replayEvents({}))).reason).toBe("INVALID_FIELD");
});

test("events that were published before a stop are matched once by the server that starts next", async () => {
  await triggers.putTrigger({ name: "t", keyPattern: "**", input: "event.payload", job: jobOf("t") });
  const ids = Array.from({ length: 500 }, (_, n) => `e-${n}`);
  await events.publishEvents({ events: ids.map((id) => ({ id, key: "a", payload: json(id) })) });
  await server.stop();
  await startServer();
  await matchedEvent("e-499");
  expect(await countJobs()).toBe(500);
});

test("events of a trigger's own making are of one firing each when thousands come at once", async () => {
  for (let n = 0; n < 5; n++) {
    const filter = `event.payload.n == ${n}`;
    await triggers.putTrigger({ name: `t${n}`, keyPattern: "bulk.*", filter, job: jobOf("t") });
  }
  const bulk = Array.from({ length: 5_000 }, (_, n) => ({ id: `e-${n}`, key: "bulk.x", payload: json({ n: n % 10 }) }));
  await events.publishEvents({ events: bulk });
  await matchedEvent("e-4999");
  expect(await countJobs()).toBe(2_500);
});
