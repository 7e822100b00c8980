import { create } from "@bufbuild/protobuf";
import {
  defaultLimits,
  firingSpan,
  isUuid,
  PutTriggerRequestSchema,
  TraceMode,
  traceIdOfJob,
} from "@spanloom/protocol";
import { expect, test } from "vitest";
import type { NewJob } from "../../store/store.ts";
import type { EventRecord, NewFiring } from "../../store/trigger-store.ts";
import { eventFiring, type TakenEvent, type TakingTrigger } from "./event-firing.ts";
import { readTrigger } from "./trigger-definition.ts";

const OWN = Buffer.from('"own"');
const PARENT = { traceId: "1".repeat(32), spanId: "2".repeat(16) };
const TRACE = { traceparent: `00-${PARENT.traceId}-${PARENT.spanId}-01`, tracestate: "vendor=1", baggage: "k=v" };

function triggerOf(changes: { traceMode?: TraceMode; inputTask?: string; job?: object } = {}): TakingTrigger {
  const request = create(PutTriggerRequestSchema, {
    name: "on paid",
    keyPattern: "**",
    job: {
      name: "ship",
      tasks: { specs: [{ identifier: { name: "ship" } }], groups: [{ inputs: [OWN], specs: [0] }] },
    },
    ...changes,
  });
  return { id: "trigger-id", definition: readTrigger(request, defaultLimits) };
}

function eventOf(changes: Partial<EventRecord> = {}): EventRecord {
  return {
    ...{
      id: "e-1",
      key: "order.paid",
      payload: Buffer.from('{"n":1}'),
      metadata: {},
      source: "published",
      webhook: "",
    },
    ...{ replayOf: "", onlyTrigger: "", depth: 0, seq: 1, receivedAtUs: 1_700_000_000_000_000 },
    trace: { traceparent: "", tracestate: "", baggage: "" },
    ...changes,
  };
}

function fire(taken: Partial<TakenEvent> = {}, trigger = triggerOf()): NewFiring {
  return eventFiring(trigger, { event: eventOf(), ...taken }, { nowUs: 5_000, limits: defaultLimits });
}

function jobOf({ what }: NewFiring): NewJob {
  if ("job" in what) return what.job;
  throw new Error(`there is no job: ${JSON.stringify(what)}`);
}

test("an event's job has the firing's id, the trigger's template, and the payload as its task's input", () => {
  const firing = fire();
  expect(isUuid(firing.id)).toBe(true);
  expect(firing).toMatchObject({ scheduledAtUs: 1_700_000_000_000_000, eventId: "e-1", requested: false });
  const job = jobOf(firing);
  expect(job).toMatchObject({
    id: firing.id,
    name: "ship",
    idempotencyKey: "event/trigger-id/e-1",
    requestHash: "event/trigger-id/e-1",
    trigger: {
      type: "event",
      source: { kind: "trigger", id: "trigger-id", name: "on paid" },
      eventId: "e-1",
      depth: 1,
    },
  });
  expect(job.tasks.groups[0]?.inputs).toEqual([Buffer.from('{"n":1}')]);
});

test("the same event has the same firing at a trigger, and another at another trigger", () => {
  expect(fire().id).toBe(fire().id);
  expect(fire({ event: eventOf({ id: "e-2" }) }).id).not.toBe(fire().id);
  expect(fire({}, { ...triggerOf(), id: "other" }).id).not.toBe(fire().id);
});

test("what a mapping made is the input, and a trigger for no task leaves the template's own", () => {
  expect(jobOf(fire({ input: Buffer.from("2") })).tasks.groups[0]?.inputs).toEqual([Buffer.from("2")]);
  expect(jobOf(fire({}, triggerOf({ inputTask: "-" }))).tasks.groups[0]?.inputs).toEqual([OWN]);
});

test("of several roots the named one gets the input", () => {
  const specs = [{ identifier: { name: "a" } }, { identifier: { name: "b" } }];
  const groups = [
    { inputs: [OWN, OWN], specs: [0, 1] },
    { inputs: [OWN], specs: [0] },
  ];
  const job = { name: "j", tasks: { specs, groups } };
  const { tasks } = jobOf(fire({ input: Buffer.from("3") }, triggerOf({ inputTask: "b", job })));
  expect(tasks.groups.map(({ inputs }) => inputs.map(String))).toEqual([['"own"', "3"], ['"own"']]);
});

test("a deadline counts from the firing", () => {
  const tasks = { specs: [{ identifier: { name: "ship" } }], groups: [{ inputs: [OWN], specs: [0] }] };
  const trigger = triggerOf({ job: { name: "ship", tasks, deadline: { seconds: 2n, nanos: 0 } } });
  expect(jobOf(fire({}, trigger)).deadlineUs).toBe(2_005_000);
});

test("a job starts a trace of its own, with links to its firing and to the publisher", () => {
  const { id, trace } = jobOf(fire({ event: eventOf({ trace: TRACE }) }));
  expect(trace).toEqual({
    traceId: traceIdOfJob(id),
    parentSpanId: "",
    link: { ...firingSpan(id), type: "firing" },
    submitterLink: PARENT,
    tracestate: "vendor=1",
    baggage: "k=v",
    sampled: true,
  });
});

test("in mode child a job continues the publisher's trace, if there is one", () => {
  const child = triggerOf({ traceMode: TraceMode.CHILD });
  const { id, trace } = jobOf(fire({ event: eventOf({ trace: TRACE }) }, child));
  expect(trace).toMatchObject({ traceId: PARENT.traceId, parentSpanId: PARENT.spanId });
  expect(trace.link).toEqual({ ...firingSpan(id), type: "firing" });
  expect(jobOf(fire({}, child)).trace).toMatchObject({ traceId: traceIdOfJob(id), parentSpanId: "" });
});

test("an event that came by a webhook is told apart, also when it is replayed", () => {
  const event = eventOf({ webhook: "orders", source: "replay" });
  expect(jobOf(fire({ event })).trigger?.type).toBe("webhook");
});

test("what could not be matched is a firing with why, under the same id", () => {
  expect(fire({ error: "no such key" })).toMatchObject({ id: fire().id, what: { error: "no such key" } });
});

test("an event too deep starts no job", () => {
  expect(jobOf(fire({ event: eventOf({ depth: 15 }) })).trigger?.depth).toBe(16);
  expect(fire({ event: eventOf({ depth: 16 }) }).what).toEqual({
    error: "cannot submit job: the event is 16 jobs deep, limit 16: do they start each other?",
  });
});

test("a payload that is no input for its length starts no job, unless no task gets it", () => {
  const event = eventOf({ payload: Buffer.alloc(defaultLimits.maxInputBytes + 1, "1") });
  expect(fire({ event }).what).toEqual({
    error: "cannot submit job: its input has 262145 bytes, limit 262144",
  });
  expect(jobOf(fire({ event }, triggerOf({ inputTask: "-" })))).toBeDefined();
});
