import { createClient } from "@connectrpc/connect";
import { JobService, TriggerService, TriggerType } from "@spanloom/protocol";
import { Client, connect } from "@spanloom/sdk";

/** Triggers of a wildcard and a filter over the payload. */
export interface TriggerPlan {
  url: string;
  /** Events' keys begin with this. */
  group: string;
  triggers: number;
  /** Each trigger takes one of so many events. */
  oneOf: number;
}

/** Events to publish. */
export interface EventPlan {
  url: string;
  group: string;
  events: number;
}

/** What came of a bulk call. */
export interface BulkFigures {
  acknowledgedMs: number;
  /** Until every trigger had seen the last event. */
  settledMs: number;
  /** Jobs that events started so far. */
  jobs: number;
}

/** What a steady stream of events gave. */
export interface SteadyFigures {
  events: number;
  seconds: number;
  timesMs: number[];
}

const PAYLOAD_BYTES = 1_000;
const LOOK_MS = 20;

/** Makes the triggers; each takes other events. */
export async function putTriggers({ url, group, triggers, oneOf }: TriggerPlan): Promise<void> {
  const connection = connect({ url });
  const client = createClient(TriggerService, connection.transport);
  const tasks = { specs: [{ identifier: { name: "nobody's" } }], groups: [{ inputs: [new Uint8Array()], specs: [0] }] };
  for (let place = 0; place < triggers; place++)
    await client.putTrigger({
      name: `${group}-${place}`,
      keyPattern: `${group}.*.paid`,
      filter: `event.payload.customer.country == "DE" && int(event.payload.number) % ${oneOf} == ${place}`,
      job: { name: "triggered", tasks },
    });
  connection.close();
}

/** Deletes the triggers of a plan, so that others are measured alone. */
export async function deleteTriggers({ url, group, triggers }: TriggerPlan): Promise<void> {
  const connection = connect({ url });
  const client = createClient(TriggerService, connection.transport);
  for (let place = 0; place < triggers; place++) await client.deleteTrigger({ name: `${group}-${place}` });
  connection.close();
}

/** Publishes all events by one call of the SDK and waits until they are settled. */
export async function publishBulk({ url, group, events }: EventPlan): Promise<BulkFigures> {
  const client = new Client({ url });
  const bulk = Array.from({ length: events }, (_, number) => eventOf(group, number));
  const startedAtMs = performance.now();
  const { ids } = await client.events.publishMany(bulk);
  const acknowledgedMs = performance.now() - startedAtMs;
  const last = ids.at(-1) as string;
  while (!(await client.events.get(last)).matched) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  const settledMs = performance.now() - startedAtMs;
  client.close();
  return { acknowledgedMs, settledMs, jobs: await countJobs(url) };
}

/** Publishes one event after the other in several lanes, for some time, and times each. */
export async function publishSteadily(plan: EventPlan & { lanes: number; ms: number }): Promise<SteadyFigures> {
  const client = new Client({ url: plan.url });
  const timesMs: number[] = [];
  const startedAtMs = performance.now();
  let number = 0;
  const lane = async () => {
    while (performance.now() - startedAtMs < plan.ms && number < plan.events) {
      const { key, payload } = eventOf(plan.group, number++);
      const sentAtMs = performance.now();
      await client.events.publish(key, payload);
      timesMs.push(performance.now() - sentAtMs);
    }
  };
  await Promise.all(Array.from({ length: plan.lanes }, lane));
  const seconds = (performance.now() - startedAtMs) / 1000;
  client.close();
  return { events: timesMs.length, seconds, timesMs };
}

/** About a kilobyte, as an order that was paid. */
function eventOf(group: string, number: number): { key: string; payload: Record<string, unknown> } {
  const order = { number, customer: { id: `c-${number % 997}`, country: "DE" }, amount: (number % 500) + 0.5 };
  const text = "x".repeat(PAYLOAD_BYTES - JSON.stringify(order).length - '"note":"",'.length);
  return { key: `${group}.shop-${number % 40}.paid`, payload: { ...order, note: text } };
}

async function countJobs(url: string): Promise<number> {
  const connection = connect({ url });
  const { counts } = await createClient(JobService, connection.transport).countJobs({
    filter: { triggerTypes: [TriggerType.EVENT] },
  });
  connection.close();
  return counts.reduce((sum, { count }) => sum + Number(count), 0);
}
