import { AttemptOutcome, spanIdOf, TraceMode, traceIdOfJob } from "@spanloom/protocol";
import { LEASE_MS, retryAtOnce, type StoreDriver, taskSet } from "@spanloom/testing";
import { jobTrace } from "../../../engine/trace.ts";
import type { NewJob } from "../../../store/store.ts";
import { triggerScenarios } from "./trigger-scenarios.ts";

/** What a store went through, by the name of its golden trace. The clock moves only here, so every time is exact. */
export const traceScenarios: Readonly<Record<string, (driver: StoreDriver) => Promise<void>>> = {
  "plain-job": async (driver) => {
    await submit(driver, "greet", taskSet({ name: "hello" }));
    driver.clock.advance(5);
    const hello = await driver.claimOne();
    driver.clock.advance(40.25);
    await driver.succeed(hello);
  },

  "fan-out-with-dependencies": async (driver) => {
    await submit(
      driver,
      "build",
      taskSet(
        { name: "fetch", count: 2 },
        { name: "compile", count: 2, after: ["fetch"] },
        { name: "link", after: ["compile", "fetch"] },
      ),
    );
    for (const ms of [10, 20, 30]) {
      driver.clock.advance(2);
      const leases = await driver.claim();
      for (const lease of leases) {
        driver.clock.advance(ms);
        await driver.succeed(lease);
      }
    }
  },

  "retry-then-success": async (driver) => {
    const retry = { ...retryAtOnce(3), initialDelayMs: 250, factor: 2, maxDelayMs: 10_000 };
    await submit(driver, "sync", taskSet({ name: "pull", retry }));
    for (const backoffMs of [250, 500, 0]) {
      driver.clock.advance(3);
      const pull = await driver.claimOne();
      driver.clock.advance(17);
      if (backoffMs > 0) await driver.fail(pull, { failure: connectionReset });
      else await driver.succeed(pull);
      driver.clock.advance(backoffMs);
      await driver.store.maintain(100);
    }
  },

  "terminal-failure": async (driver) => {
    await submit(driver, "import", taskSet({ name: "parse" }, { name: "check" }, { name: "load", after: ["parse"] }));
    driver.clock.advance(1);
    const [parse, check] = await driver.claim();
    driver.clock.advance(12);
    await driver.fail(parse!, { failure: connectionReset });
    driver.clock.advance(8);
    await driver.fail(check!, stopped);
  },

  timeout: async (driver) => {
    await submit(driver, "report", taskSet({ name: "render", attemptTimeoutMs: 1_000 }));
    driver.clock.advance(4);
    const render = await driver.claimOne();
    driver.clock.advance(1_000);
    const failure = { type: "TimeoutError", message: "the attempt took longer than 1000 ms", stack: "" };
    await driver.fail(render, { outcome: AttemptOutcome.TIMEOUT, failure });
  },

  cancel: async (driver) => {
    const job = await submit(driver, "crawl", taskSet({ name: "page", count: 2 }, { name: "index", after: ["page"] }));
    driver.clock.advance(2);
    const page = await driver.claimOne();
    driver.clock.advance(30);
    await driver.store.cancelJob(job, "not needed any more");
    driver.clock.advance(6);
    await driver.fail(page, stopped);
  },

  "cancel-in-backoff": async (driver) => {
    const retry = { ...retryAtOnce(2), initialDelayMs: 1_000, maxDelayMs: 1_000 };
    const job = await submit(driver, "crawl", taskSet({ name: "page", retry }, { name: "later", startDelayMs: 1_000 }));
    driver.clock.advance(2);
    await driver.fail(await driver.claimOne());
    driver.clock.advance(100);
    await driver.store.cancelJob(job, "");
  },

  "queue-timeout": async (driver) => {
    await submit(driver, "resize", taskSet({ name: "scale", queueTimeoutMs: 70 }));
    driver.clock.advance(70);
    await driver.store.maintain(100);
  },

  skip: async (driver) => {
    await submit(
      driver,
      "deploy",
      taskSet({ name: "test" }, { name: "ship", after: ["test"] }, { name: "tell", after: ["ship"] }),
    );
    driver.clock.advance(2);
    const test = await driver.claimOne();
    driver.clock.advance(25);
    await driver.fail(test);
  },

  "optional-failure": async (driver) => {
    await submit(
      driver,
      "publish",
      taskSet({ name: "thumbnail", optional: true }, { name: "upload", after: ["thumbnail"] }),
    );
    driver.clock.advance(2);
    const thumbnail = await driver.claimOne();
    driver.clock.advance(11);
    await driver.fail(thumbnail);
    driver.clock.advance(2);
    const upload = await driver.claimOne();
    driver.clock.advance(15);
    await driver.succeed(upload);
  },

  "lost-runner": async (driver) => {
    await submit(driver, "encode", taskSet({ name: "transcode" }));
    driver.clock.advance(2);
    await driver.claimOne({ runnerId: driver.newId() });
    driver.clock.advance(LEASE_MS);
    await driver.store.maintain(100);
    driver.clock.advance(3);
    const transcode = await driver.claimOne();
    driver.clock.advance(900);
    await driver.succeed(transcode);
  },

  "retried-job": async (driver) => {
    const job = await submit(driver, "settle", taskSet({ name: "charge" }, { name: "receipt", after: ["charge"] }));
    driver.clock.advance(2);
    const charge = await driver.claimOne();
    driver.clock.advance(20);
    await driver.fail(charge);
    driver.clock.advance(60_000);
    await driver.retry(job);
    for (const ms of [21, 9]) {
      driver.clock.advance(1);
      const lease = await driver.claimOne();
      driver.clock.advance(ms);
      await driver.succeed(lease);
    }
  },

  "several-levels": async (driver) => {
    await submit(driver, "audit", taskSet({ name: "list" }));
    driver.clock.advance(1);
    const list = await driver.claimOne();
    driver.clock.advance(10);
    await driver.succeed(list, "", taskSet({ name: "check" }, { name: "sum", after: ["check"] }));
    driver.clock.advance(1);
    const check = await driver.claimOne();
    driver.clock.advance(20);
    await driver.succeed(check, "", taskSet({ name: "hash" }));
    for (const ms of [30, 5]) {
      driver.clock.advance(1);
      const lease = await driver.claimOne();
      driver.clock.advance(ms);
      await driver.succeed(lease);
    }
  },

  "callers-trace-child": async (driver) => runIn(driver, TraceMode.CHILD, `00-${callerTrace}-${callerSpan}-01`),

  "callers-trace-link": async (driver) => runIn(driver, TraceMode.LINK, `00-${callerTrace}-${callerSpan}-01`),

  "unsampled-caller": async (driver) => runIn(driver, TraceMode.CHILD, `00-${callerTrace}-${callerSpan}-00`),

  "cloned-job": async (driver) => {
    const job = await submit(driver, "mail", taskSet({ name: "send" }));
    await driver.drain();
    driver.clock.advance(50);
    const { trace } = await driver.job(job);
    const id = driver.newId();
    const link = { traceId: trace.traceId, spanId: spanIdOf(job), type: "clone" as const };
    await submit(driver, "mail", taskSet({ name: "send" }), {
      id,
      trace: { ...trace, traceId: traceIdOfJob(id), link },
    });
    driver.clock.advance(1);
    await driver.drain();
  },

  "clone-linked-to-caller": async (driver) => {
    const job = await submit(driver, "mail", taskSet({ name: "send" }));
    await driver.drain();
    const { trace } = await driver.job(job);
    const link = { traceId: trace.traceId, spanId: spanIdOf(job), type: "clone" as const };
    const id = driver.newId();
    const submitterLink = { traceId: callerTrace, spanId: callerSpan };
    await submit(driver, "mail", taskSet({ name: "send" }), {
      id,
      trace: { ...trace, traceId: traceIdOfJob(id), link, submitterLink },
    });
    await driver.drain();
  },

  "running-job": async (driver) => {
    const retry = { ...retryAtOnce(2), initialDelayMs: 800, maxDelayMs: 800 };
    await submit(
      driver,
      "poll",
      taskSet(
        { name: "ask" },
        { name: "again", retry },
        { name: "later", startDelayMs: 60_000 },
        { name: "end", after: ["ask"] },
      ),
    );
    driver.clock.advance(4);
    const [, again] = await driver.claim();
    driver.clock.advance(7);
    await driver.fail(again!);
  },

  ...triggerScenarios,
};

const callerTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const callerSpan = "00f067aa0ba902b7";
const connectionReset = {
  type: "ConnectionError",
  message: "connection reset",
  stack: "ConnectionError: connection reset\n    at pull",
};

/** What a runner reports of code that was told to stop and threw for it. */
const stopped = {
  outcome: AttemptOutcome.CANCELLED,
  failure: { type: "AbortError", message: "This operation was aborted", stack: "" },
};

function submit(
  driver: StoreDriver,
  name: string,
  tasks: NewJob["tasks"],
  rest: Partial<NewJob> = {},
): Promise<string> {
  return driver.submitJob(driver.newJob(tasks, { name, ...rest }));
}

async function runIn(driver: StoreDriver, mode: TraceMode, traceparent: string): Promise<void> {
  const id = driver.newId();
  const trace = jobTrace(id, { traceparent, tracestate: "vendor=7", baggage: "" }, mode);
  await submit(driver, "answer", taskSet({ name: "reply" }), { id, trace });
  driver.clock.advance(1);
  const reply = await driver.claimOne();
  driver.clock.advance(2);
  await driver.succeed(reply);
}
