import { Code, ConnectError } from "@connectrpc/connect";
import { TraceMode } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { task } from "../task.ts";
import { allOf } from "../testing/all-of.ts";
import { FakeTriggerService, firing } from "../testing/fake-trigger-service.ts";
import { startedClient } from "../testing/started-client.ts";
import type { TemplateRoots } from "./job-template.ts";

const notify = task({ name: "notify", run: (input: { to: string }) => input.to });

const start = () => startedClient(new FakeTriggerService());

describe("putting a trigger", () => {
  it("sends pattern, condition, the job without an input, and how to make one", async () => {
    const { service, client } = start();
    const put = await client.triggers.put({
      name: "large orders",
      on: "order.*",
      when: "event.payload.amount > 100",
      task: notify,
      input: '{"to": event.payload.customer}',
      tags: { team: "a" },
      traceMode: "child",
    });
    expect(put).toMatchObject({ created: true, changed: true });
    const [request] = service.putTriggers;
    expect(request).toMatchObject({
      name: "large orders",
      keyPattern: "order.*",
      filter: "event.payload.amount > 100",
      input: '{"to": event.payload.customer}',
      inputTask: "",
      traceMode: TraceMode.CHILD,
      job: { name: "notify", tags: { team: "a" }, idempotencyKey: "" },
    });
    expect(request!.job!.tasks!.groups[0]!.inputs).toEqual([new Uint8Array(0)]);
    expect(request!.job).not.toHaveProperty("trace");
  });

  it("links to the publisher and hands the payload on unless told otherwise", async () => {
    const { service, client } = start();
    await client.triggers.put({ name: "t", on: "**", task: notify });
    expect(service.putTriggers[0]).toMatchObject({ filter: "", input: "", inputTask: "", traceMode: TraceMode.LINK });
  });

  it("gives the same input for every event when it is fixed", async () => {
    const { service, client } = start();
    await client.triggers.put({ name: "t", on: "spanloom.job.failed", task: notify, fixedInput: { to: "ops" } });
    const { inputTask, input, job } = service.putTriggers[0]!;
    expect([inputTask, input]).toEqual(["-", ""]);
    expect(new TextDecoder().decode(job!.tasks!.groups[0]!.inputs[0])).toBe('{"to":"ops"}');
  });

  it("names the root that gets the input, or none", async () => {
    const { service, client } = start();
    const build: TemplateRoots["build"] = (to) => void to.submit(notify, { to: "x" });
    const roots = { name: "t", on: "a", build } as const;
    await client.triggers.put({ ...roots, inputTask: "notify" });
    await client.triggers.put({ ...roots, inputTask: false });
    expect(service.putTriggers.map(({ inputTask, job }) => [inputTask, job!.name])).toEqual([
      ["notify", "t"],
      ["-", "t"],
    ]);
  });

  it.each([
    [{ name: "t", task: notify }, "on is a undefined, must be a text"],
    [{ name: "t", on: "a", task: notify, input: { to: "x" } }, "input is a object, must be a text"],
    [{ name: "t", on: "a", task: notify, when: true }, "when is a boolean, must be a text"],
    [{ name: "t", on: "a", task: notify, input: "1", fixedInput: 1 }, "both input and fixedInput are given"],
    [{ name: "t", on: "a" }, "neither task nor build is given, must be one"],
    [{ name: "t", on: "a", task: notify, keepFirings: 10_001 }, "keepFirings is 10001, must be"],
  ])("refuses %o by name before anything is sent", async (options, message) => {
    const { service, client } = start();
    const put = client.triggers.put(options as never);
    await expect(put).rejects.toThrow(`cannot put trigger "t": ${message}`);
    await expect(put).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    expect(service.calls).toEqual({});
  });
});

describe("triggers", () => {
  const event = { key: "order.paid", payload: { amount: 101 }, metadata: { shop: "1" } };

  it("come back as plain data, by name and in lists", async () => {
    const { client } = start();
    await client.triggers.put({ name: "t", on: "a.*", when: "true", task: notify, fixedInput: { to: "x" } });
    const trigger = await client.triggers.get("t");
    expect(trigger).toMatchObject({ id: "id of t", on: "a.*", when: "true", inputTask: false, traceMode: "link" });
    expect(trigger.job.tasks).toEqual([{ name: "notify", version: "1.0", input: { to: "x" } }]);
    expect(await allOf(client.triggers.list())).toEqual([trigger]);
  });

  it("are paused, resumed and deleted; repeated when the answer was lost", async () => {
    const { service, client } = start();
    await client.triggers.put({ name: "t", on: "a", task: notify });
    service.failures.push(new ConnectError("lost", Code.Unavailable));
    expect(await client.triggers.pause("t", "why")).toMatchObject({ paused: true, pauseReason: "why" });
    expect(service.calls.pauseTrigger).toBe(2);
    expect(await client.triggers.resume("t")).toMatchObject({ paused: false });
    expect(await client.triggers.delete("t")).toBe(true);
    await expect(client.triggers.get("t")).rejects.toMatchObject({ reason: "TRIGGER_NOT_FOUND" });
  });

  it("are tried with an event, before they are made", async () => {
    const { service, client } = start();
    const trigger = { name: "t", on: "order.*", task: notify, input: "event.payload" } as const;
    expect(await client.triggers.test(trigger, event)).toMatchObject({ matches: true, job: { name: "notify" } });
    expect(service.calls).toEqual({ testTrigger: 1 });
    expect(service.tests[0]).toMatchObject({
      trigger: { name: "t", keyPattern: "order.*", input: "event.payload" },
      event: { key: "order.paid", metadata: { shop: "1" }, id: "" },
    });
    expect(new TextDecoder().decode(service.tests[0]!.event!.payload)).toBe('{"amount":101}');
  });

  it("are tried with an event by name, as they stand", async () => {
    const { service, client } = start();
    await client.triggers.put({ name: "t", on: "order.*", when: "false", task: notify, fixedInput: { to: "x" } });
    await client.triggers.test("t", event);
    expect(service.tests[0]!.trigger).toEqual(service.putTriggers[0]);
    await expect(client.triggers.test("other", event)).rejects.toMatchObject({ reason: "TRIGGER_NOT_FOUND" });
  });

  it("list their firings", async () => {
    const { service, client } = start();
    service.firings.push(firing("a"));
    expect(await allOf(client.triggers.firings("t"))).toMatchObject([{ id: "a" }]);
    expect(service.firingLists[0]).toMatchObject({ trigger: "t", schedule: "" });
  });
});
