import { Runner } from "@spanloom/runner";
import type { Client } from "@spanloom/sdk";
import { type Clock, systemClock } from "@spanloom/server";
import type { ConsoleStage } from "./console-stage.ts";
import {
  importOrders,
  indexProducts,
  nightlyReport,
  publishCatalogue,
  publishPages,
  rebuildRecommendations,
  resizeImage,
  sendReceipt,
} from "./showcase-tasks.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** How long ago jobs ran: again and again for a day, and within the last one more often. */
const pastMs = [
  ...Array.from({ length: 16 }, (_, n) => (23 - n * 1.35) * HOUR_MS - ((n * 7) % 5) * 10 * MINUTE_MS),
  ...[52, 33, 14].map((minutes) => minutes * MINUTE_MS),
];

const tasks = [
  importOrders,
  indexProducts,
  nightlyReport,
  publishCatalogue,
  publishPages,
  rebuildRecommendations,
  resizeImage,
  sendReceipt,
];

import { sendTraffic } from "./showcase-traffic.ts";

/** Jobs that the pictures are of. */
export interface Showcase {
  /** A publication that failed. */
  failed: string;
  /** One that succeeded, and one that did before it. */
  succeeded: string;
  before: string;
}

/** A time of day that can be put back, for this process and for a server in it. */
export class MovedTime implements Disposable {
  readonly #real = Date.now;
  #offsetMs = 0;

  constructor() {
    Date.now = () => Math.round(this.#real() - this.#offsetMs);
  }

  /** The server's. */
  readonly clock: Clock = { ...systemClock, nowUs: () => systemClock.nowUs() - this.#offsetMs * 1000 };

  /** Makes it so long ago. */
  moveBack(ms: number): void {
    this.#offsetMs = ms;
  }

  [Symbol.dispose](): void {
    Date.now = this.#real;
  }
}

/** What a showcase is set up on. */
export interface ShowcaseParts {
  stage: ConsoleStage;
  time: MovedTime;
  /** Takes the runners that go on while pictures are taken. */
  runners: AsyncDisposableStack;
}

/** Fills a server: a day of jobs, then those of now, which the pictures are of. */
export async function setUpShowcase({ stage, time, runners }: ShowcaseParts): Promise<Showcase> {
  const { client } = stage;
  for (const agoMs of pastMs) {
    time.moveBack(agoMs);
    await using _ = await startRunner(stage, "catalogue", ["default", "images"]);
    await runPast(client, Math.round(agoMs / MINUTE_MS));
  }
  // A server that runs while its time is moved waits out alarms that it had set.
  await stage.stopServer();
  time.moveBack(0);
  await stage.startServer();
  await sendTraffic(stage, Date.now());
  await define(client);
  runners.use(await startRunner(stage, "catalogue", ["default"]));
  runners.use(await startRunner(stage, "image-worker", ["images"]));
  return runPresent(client);
}

async function startRunner(stage: ConsoleStage, serviceName: string, queues: string[]): Promise<AsyncDisposable> {
  const { url, token } = stage;
  const runner = new Runner({ url, token, tasks, queues, serviceName, concurrency: 6, graceMs: 200 });
  await runner.start();
  return { [Symbol.asyncDispose]: () => runner.stop() };
}

/** The jobs of some minutes, which differ with their number. */
async function runPast(client: Client, minute: number): Promise<void> {
  const busy = 1 + (minute % 5);
  const imports = Array.from({ length: busy }, (_, n) => ({ file: `orders-${minute}-${n}.csv`, seed: minute + n }));
  const region = minute % 2 === 0 ? "eu" : "us";
  // None of so many images needs a second try: what waits for its time when time is moved waits longer than it should.
  const images = 2 + (minute % 2) * 2;
  const jobs = await Promise.all([
    ...imports.map((input) => client.jobs.submit(importOrders, input, { tags: { partner: `p${input.seed % 4}` } })),
    client.jobs.submit(nightlyReport, { region, seed: minute }, { tags: { region } }),
    client.jobs.submit(publishCatalogue, { images, network: "up" }, { tags: { shop: region } }),
  ]);
  for (const job of jobs) await job.wait();
}

/** What runs without a person. */
async function define(client: Client): Promise<void> {
  const input = { region: "eu", seed: 3 };
  const zone = { timeZone: "Europe/Berlin" };
  await client.schedules.put({ name: "nightly report", cron: "0 3 * * *", ...zone, task: nightlyReport, input });
  const orders = { task: importOrders, input: { file: "orders.csv", seed: 1 } };
  await client.schedules.put({ name: "orders of partners", every: "5m", ...orders });
  const catalogue = { task: publishCatalogue, input: { images: 4, network: "up" as const } };
  await client.schedules.put({ name: "catalogue on weekdays", cron: "30 6 * * 1-5", ...zone, ...catalogue });
  await client.schedules.pause("catalogue on weekdays");
  await client.triggers.put({ name: "receipt of an order", on: "order.paid", task: sendReceipt });
}

async function runPresent(client: Client): Promise<Showcase> {
  const publish = (images: number, network: "up" | "away") =>
    client.jobs.submit(publishCatalogue, { images, network }, { tags: { shop: "eu", release: "2026.47" } });
  const before = await publish(14, "up");
  await before.wait();
  for (let order = 4711; order < 4716; order++) await client.events.publish("order.paid", { order });
  await client.schedules.fire("orders of partners");
  const week = { from: new Date(Date.now() - 7 * 24 * HOUR_MS), until: new Date() };
  await client.schedules.backfill("nightly report", week);
  const failed = await publish(14, "away");
  await failed.wait();
  const retried = await client.jobs.submit(importOrders, { file: "orders-retried.csv", seed: 4 });
  await retried.wait();
  await client.jobs.retry(retried.id);
  const succeeded = await publish(16, "up");
  await succeeded.wait();
  const unwanted = await client.jobs.submit(rebuildRecommendations, { models: 100 });
  await client.jobs.cancel(unwanted.id);
  await client.jobs.submit(rebuildRecommendations, { models: 400 }, { tags: { shop: "eu" } });
  await client.jobs.submit(nightlyReport, { region: "us", seed: 5 }, { queue: "reports" });
  return { failed: failed.id, succeeded: succeeded.id, before: before.id };
}
