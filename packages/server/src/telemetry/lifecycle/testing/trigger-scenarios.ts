import { defaultLimits } from "@spanloom/protocol";
import { type StoreDriver, taskSet } from "@spanloom/testing";
import { eventFiring } from "../../../engine/trigger/event-firing.ts";
import { backfillFiring, requestedFiring, timedFiring } from "../../../engine/trigger/fired-job.ts";
import type { NewFiring } from "../../../store/trigger-store.ts";

/** Jobs that a schedule or an event set going, by the name of their golden trace. */
export const triggerScenarios: Readonly<Record<string, (driver: StoreDriver) => Promise<void>>> = {
  "scheduled-job": async (driver) => {
    const timeUs = driver.clock.nowUs();
    driver.clock.advance(1_500);
    await fire(driver, timedFiring(nightly, timeUs, driver.clock.nowUs()));
    await succeedOne(driver);
  },

  "scheduled-job-retried": async (driver) => {
    const timeUs = driver.clock.nowUs();
    driver.clock.advance(20);
    const job = await fire(driver, timedFiring(nightly, timeUs, driver.clock.nowUs()));
    driver.clock.advance(3);
    await driver.fail(await driver.claimOne());
    driver.clock.advance(60_000);
    await driver.retry(job);
    await succeedOne(driver);
  },

  "scheduled-job-backfilled": async (driver) => {
    const nowUs = driver.clock.nowUs();
    await fire(driver, backfillFiring(nightly, nowUs - 86_400e6, nowUs));
    await succeedOne(driver);
  },

  "schedule-fired-by-hand": async (driver) => {
    const nowUs = driver.clock.nowUs();
    const trace = { $typeName: "spanloom.v1.TraceContext" as const, ...publisher };
    await fire(driver, requestedFiring(nightly, { id: driver.newId(), atUs: nowUs, nowUs, trace }));
    await succeedOne(driver);
  },

  "event-in-publishers-trace": async (driver) => runForEvent(driver, true),

  "event-linked-to-publisher": async (driver) => runForEvent(driver, false),

  "event-of-webhook": async (driver) => runForEvent(driver, false, "shop"),
};

const publisher = {
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  tracestate: "vendor=7",
  baggage: "",
};

const nightly = {
  id: "01890000-0000-7000-8000-00000000000a",
  definition: {
    name: "nightly",
    overlap: "skip" as const,
    template: {
      job: { name: "report", tasks: taskSet({ name: "collect" }), tags: {}, queue: "default", priority: 0 },
      weight: 1,
    },
  },
};

const orders = {
  id: "01890000-0000-7000-8000-00000000000b",
  definition: {
    name: "orders",
    inputTasks: [{ group: 0, at: 0 }],
    template: {
      job: { name: "order", tasks: taskSet({ name: "ship" }), tags: {}, queue: "default", priority: 0 },
      weight: 1,
    },
  },
};

async function fire(driver: StoreDriver, { what }: NewFiring): Promise<string> {
  if (!("job" in what)) throw new Error("cannot go on: the firing has no job");
  // Made by the driver, too, which then knows its tasks.
  return driver.submitJob({ ...driver.newJob(what.job.tasks), ...what.job });
}

/** Fires a trigger for an event, published by a task of somebody's trace or by a webhook in that trace. */
async function runForEvent(driver: StoreDriver, isChild: boolean, webhook = ""): Promise<void> {
  const nowUs = driver.clock.nowUs();
  const event = {
    id: "01890000-0000-7000-8000-00000000000c",
    seq: 1,
    key: "order.paid",
    payload: Buffer.from("{}"),
    metadata: {},
    trace: publisher,
    source: webhook === "" ? ("published" as const) : ("webhook" as const),
    webhook,
    replayOf: "",
    onlyTrigger: "",
    depth: 0,
    receivedAtUs: nowUs,
  };
  const definition = { ...orders.definition, isChild };
  await fire(driver, eventFiring({ ...orders, definition }, { event }, { nowUs, limits: defaultLimits }));
  await succeedOne(driver);
}

async function succeedOne(driver: StoreDriver): Promise<void> {
  driver.clock.advance(2);
  const lease = await driver.claimOne();
  driver.clock.advance(10);
  await driver.succeed(lease);
}
