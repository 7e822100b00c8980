import { toBinary } from "@bufbuild/protobuf";
import { defaultLimits, type PutTriggerRequest, PutTriggerRequestSchema, TraceMode } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { jobOfOne, triggerRequest } from "./testing/schedule-request.ts";
import { canonicalTrigger, readTrigger, wantsJobEvents } from "./trigger-definition.ts";

const read = (request: PutTriggerRequest) => readTrigger(request, defaultLimits);
const input = new TextEncoder().encode("{}");
const jobOfMany = {
  name: "many",
  tasks: {
    specs: [{ identifier: { name: "one" } }, { identifier: { name: "two" } }],
    groups: [
      { inputs: [input, input], specs: [0, 1] },
      { inputs: [input, input], specs: [1] },
    ],
  },
};

describe("a trigger's definition", () => {
  it("gives the payload to the only task and starts a trace of the job's own, by default", () => {
    expect(read(triggerRequest())).toMatchObject({
      filter: "",
      input: "",
      inputTasks: [{ group: 0, at: 0 }],
      isChild: false,
      keepFirings: 100,
    });
  });

  it("finds every task of the name that gets the input, and none for a dash", () => {
    expect(read(triggerRequest({ job: jobOfMany, inputTask: "two" })).inputTasks).toEqual([
      { group: 0, at: 1 },
      { group: 1, at: 0 },
      { group: 1, at: 1 },
    ]);
    expect(read(triggerRequest({ job: jobOfMany, inputTask: "-" })).inputTasks).toEqual([]);
  });

  it.each([
    ["key_pattern", { keyPattern: "" }, /a segment is empty/],
    ["key_pattern", { keyPattern: "order.*d" }, /no segment/],
    ["filter", { filter: "event.payload.amount >" }, /filter is/],
    ["filter", { filter: "unknown > 1" }, /unknown/i],
    ["input", { input: "event.nothing" }, /input is/],
    ["input", { input: "event.payload", inputTask: "-" }, /no task gets it/],
    ["input_task", { inputTask: "three" }, /is "three", but the job has "build"/],
    ["input_task", { job: jobOfMany }, /is empty, but the job has 4 tasks; the job has "one", "two"/],
    ["trace_mode", { traceMode: 7 as TraceMode }, /is 7/],
    ["job.idempotency_key", { job: { ...jobOfOne, idempotencyKey: "k" } }, /is given/],
    ["keep_firings", { keepFirings: 10_001 }, /limit 10000/],
    ["name", { name: "" }, /is empty/],
  ] as const)("is refused for its %s, named, in case %#", (field, changes, problem) => {
    expect(() => read(triggerRequest(changes as never))).toThrow(problem);
    expect(() => read(triggerRequest(changes as never))).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ field }) }),
    );
  });

  it.each([
    ["spanloom.job.failed", true],
    ["spanloom.**", true],
    ["**", true],
    ["*.job.*", true],
    ["order.**", false],
    ["spanloom.other", false],
    ["spanloom", false],
  ])("of key pattern %s wants events of jobs: %s", (keyPattern, wanted) => {
    expect(wantsJobEvents({ keyPattern })).toBe(wanted);
  });
});

it("the canonical request of a trigger is the same for what means the same", () => {
  const encoded = (request: PutTriggerRequest) =>
    Buffer.from(toBinary(PutTriggerRequestSchema, canonicalTrigger(request, read(request)))).toString("hex");
  const spelled = triggerRequest({ traceMode: TraceMode.LINK, keepFirings: 100, paused: true });
  expect(encoded(spelled)).toBe(encoded(triggerRequest()));
  expect(encoded(triggerRequest({ filter: "true" }))).not.toBe(encoded(triggerRequest()));
});
