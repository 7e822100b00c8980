import { describe, expectTypeOf, it } from "vitest";
import type { Client } from "../client.ts";
import { task } from "../task.ts";
import type { ScheduleSnapshot } from "./schedule-snapshot.ts";
import type { PutSchedule } from "./schedules.ts";

const add = task({ name: "add", run: (input: { a: number; b: number }) => input.a + input.b });
const noop = task({ name: "noop", run() {} });

// Never run: type tests are only checked.
declare const client: Client;

describe("a schedule", () => {
  it("asks for the input of its task, and only where there is one", () => {
    const put = client.schedules.put({ name: "s", cron: "@daily", task: add, input: { a: 1, b: 2 } });
    expectTypeOf(put).resolves.toEqualTypeOf<PutSchedule>();
    void client.schedules.put({ name: "s", every: "5m", task: noop });
    // @ts-expect-error the input is missing
    void client.schedules.put({ name: "s", every: "5m", task: add });
    // @ts-expect-error the input is of another type
    void client.schedules.put({ name: "s", every: "5m", task: add, input: { a: "1", b: 2 } });
    // @ts-expect-error an option that does not exist
    void client.schedules.put({ name: "s", every: "5m", task: noop, startAt: new Date() });
  });

  it("has one kind of times", () => {
    // @ts-expect-error two kinds
    void client.schedules.put({ name: "s", every: "5m", cron: "@daily", task: noop });
    // @ts-expect-error none
    void client.schedules.put({ name: "s", task: noop });
    // @ts-expect-error a time zone without a calendar
    void client.schedules.put({ name: "s", every: "5m", timeZone: "UTC", task: noop });
    // @ts-expect-error a unit that does not exist
    void client.schedules.put({ name: "s", every: "5 minutes", task: noop });
    void client.schedules.preview({ at: new Date(), jitter: 5 });
  });

  it("has one task or builds several", () => {
    void client.schedules.put({ name: "s", every: 1_000, build: (roots) => void roots.submit(add, { a: 1, b: 2 }) });
    // @ts-expect-error the input of a root is missing
    void client.schedules.put({ name: "s", every: 1_000, build: (roots) => void roots.submit(add) });
    // @ts-expect-error both
    void client.schedules.put({ name: "s", every: 1_000, task: noop, build: () => undefined });
  });

  it("is listed as it is read", () => {
    expectTypeOf(client.schedules.list()).toExtend<AsyncIterable<ScheduleSnapshot>>();
  });
});

describe("a trigger", () => {
  it("makes the input from the event, or has a fixed one of the task's type", () => {
    void client.triggers.put({ name: "t", on: "a.*", task: add });
    void client.triggers.put({ name: "t", on: "a.*", task: add, input: "event.payload" });
    void client.triggers.put({ name: "t", on: "a.*", task: add, fixedInput: { a: 1, b: 2 } });
    // @ts-expect-error an expression is text
    void client.triggers.put({ name: "t", on: "a.*", task: add, input: { a: 1, b: 2 } });
    // @ts-expect-error of another type
    void client.triggers.put({ name: "t", on: "a.*", task: add, fixedInput: { a: 1 } });
    // @ts-expect-error there is one task alone
    void client.triggers.put({ name: "t", on: "a.*", task: add, inputTask: "add" });
    void client.triggers.put({ name: "t", on: "a.*", build: () => undefined, inputTask: "add" });
  });
});

describe("a webhook", () => {
  it("has settings of its scheme alone", () => {
    void client.webhooks.put({ name: "w", scheme: "none" });
    void client.webhooks.put({ name: "w", scheme: "github", secrets: [{ env: "SECRET" }] });
    // @ts-expect-error nothing is signed
    void client.webhooks.put({ name: "w", scheme: "none", secrets: [{ env: "SECRET" }] });
    // @ts-expect-error the settings are missing
    void client.webhooks.put({ name: "w", scheme: "hmac", secrets: [{ env: "SECRET" }] });
    // @ts-expect-error both
    void client.webhooks.put({ name: "w", scheme: "stripe", secrets: [{ env: "SECRET", value: "hush" }] });
  });
});
