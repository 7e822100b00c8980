import { AttemptOutcome, CancellationReason } from "@spanloom/protocol";
import type { ConcurrencyRule } from "@spanloom/server/store";
import { expect } from "vitest";
import { GRACE_MS, LEASE_MS, retryAtOnce, type StoreDriver, taskSet, toReport } from "./driver.ts";
import type { Cases } from "./scenario.ts";

const rule = (limit: number, policy: ConcurrencyRule["policy"] = "wait", key = "key"): ConcurrencyRule => ({
  key,
  limit,
  policy,
});

/** Names of the tasks that can be leased now, in order. */
async function names(driver: StoreDriver): Promise<string[]> {
  return (await driver.claim()).map(({ name }) => name);
}

async function throttled(driver: StoreDriver): Promise<number> {
  return (await driver.store.queueStats(["default"]))[0]!.throttled;
}

async function submitWith(driver: StoreDriver, concurrency: ConcurrencyRule, priority = 0): Promise<string> {
  return driver.submitJob(driver.newJob(taskSet({ name: "only" }), { concurrency, priority }));
}

/** Concurrency keys of tasks and jobs, rate limits, queue timeouts. */
export const admissionCases: Cases = {
  "no more tasks of a key run than it has places, within one claim and across claims and jobs": async (driver) => {
    const concurrency = rule(3);
    await driver.submit({ name: "keyed", count: 5, concurrency });
    await driver.submit({ name: "keyed", count: 5, concurrency });
    const first = await driver.claim();
    expect(first).toHaveLength(3);
    expect(await throttled(driver)).toBe(7);
    expect(await driver.claim()).toEqual([]);
    await driver.succeed(first[0]!);
    expect(await driver.claim()).toHaveLength(1);
    await driver.report(...first.slice(1).map((lease) => driver.success(lease)));
    expect(await driver.claim()).toHaveLength(2);
  },

  "what waits for a place keeps nothing else from being leased": async (driver) => {
    await driver.submit({ name: "keyed", count: 4, concurrency: rule(1) });
    await driver.submit({ name: "free", count: 2 });
    await driver.submit({ name: "keyed", count: 2, concurrency: rule(1, "wait", "other") });
    expect((await names(driver)).sort()).toEqual(["free", "free", "keyed", "keyed"]);
  },

  "a place is free again after a failure, a loss, a release and a cancellation": async (driver) => {
    const concurrency = rule(1);
    await driver.submit({ name: "a", concurrency, retry: retryAtOnce(2) });
    await driver.submit({ name: "b", concurrency });
    const a = await driver.claimOne();
    await driver.fail(a);
    const next = await driver.claimOne();
    driver.clock.advance(LEASE_MS + 1);
    await driver.store.maintain(10);
    const third = await driver.claimOne();
    expect(third.name).not.toBe(next.name);
    const { taskId, attempt, token } = third;
    const released = { kind: "released", unknownIdentifier: false } as const;
    await driver.report({
      taskId,
      attempt,
      token,
      result: released,
      progress: [],
      spanExtras: new Uint8Array(),
      droppedTelemetry: 0,
    });
    const fourth = await driver.claimOne();
    await driver.store.cancelJob(fourth.jobId, "");
    await driver.fail(fourth, { outcome: AttemptOutcome.CANCELLED });
    await driver.drain();
    expect(await driver.claim()).toEqual([]);
  },

  "places are counted over a restart": async (driver) => {
    await driver.submit({ name: "keyed", count: 3, concurrency: rule(2) });
    const [one] = await driver.claim();
    await driver.reopen();
    expect(await driver.claim()).toEqual([]);
    await driver.succeed(one!);
    expect(await driver.claim()).toHaveLength(1);
  },

  "rules that share a key are each judged by their own limit": async (driver) => {
    await driver.submit({ name: "narrow", count: 3, concurrency: rule(1) });
    await driver.submit({ name: "wide", count: 3, concurrency: rule(3) });
    const leased = await driver.claim();
    expect(leased).toHaveLength(3);
    expect(leased.filter(({ name }) => name === "narrow").length).toBeLessThanOrEqual(1);
  },

  "a newcomer that cancels takes the place of the longest-running holder, which fails for good": async (driver) => {
    const concurrency = rule(2, "cancelRunning");
    const jobs = [];
    for (const name of ["first", "second"]) {
      jobs.push(await driver.submit({ name, concurrency, retry: retryAtOnce(9) }));
      driver.clock.advance(10);
    }
    const [first] = await driver.claim();
    expect(first!.name).toBe("first");
    await driver.submit({ name: "third", concurrency });
    const beat = await driver.store.exchange({ runnerId: driver.runnerId, reports: [], claim: undefined });
    expect(beat.cancellations).toEqual([{ taskId: first!.taskId, attempt: 1, reason: CancellationReason.CONCURRENCY }]);
    expect(await driver.claim()).toEqual([]);
    await driver.fail(first!, { outcome: AttemptOutcome.CANCELLED });
    expect(await names(driver)).toEqual(["third"]);
    expect(await driver.jobState(jobs[0]!)).toBe("FAILED");
    expect((await driver.tasks(jobs[0]!))[0]!.failure).toMatchObject({ type: "ConcurrencyCancelled" });
    expect(await driver.jobState(jobs[1]!)).toBe("RUNNING");
  },

  "a holder that does not make way is fenced, and one that succeeds first has succeeded": async (driver) => {
    const concurrency = rule(1, "cancelRunning");
    const slow = await driver.submit({ name: "slow", concurrency, retry: retryAtOnce(9) });
    const lease = await driver.claimOne({ leaseMs: 10 * GRACE_MS });
    const quick = await driver.submit({ name: "quick", concurrency });
    driver.clock.advance(GRACE_MS);
    expect(await driver.store.maintain(10)).toMatchObject({ fenced: 1 });
    expect(await driver.succeed(lease)).toBe("stale");
    expect(await driver.jobState(slow)).toBe("FAILED");
    const next = await driver.claimOne();
    await driver.submit({ name: "last", concurrency });
    expect(await driver.succeed(next)).toBe("ok");
    expect(await driver.jobState(quick)).toBe("SUCCEEDED");
    expect(await names(driver)).toEqual(["last"]);
  },

  "a task that refuses itself fails without an attempt when running and waiting tasks fill the places": async (
    driver,
  ) => {
    const concurrency = rule(2, "rejectNew");
    const job = await driver.submit({ name: "keyed", count: 4, concurrency, optional: true });
    expect(await driver.states(job)).toEqual({ keyed: "FAILED QUEUED" });
    const tasks = await driver.tasks(job);
    expect(tasks.map(({ failure }) => failure?.type)).toEqual([
      undefined,
      undefined,
      "ConcurrencyRejected",
      "ConcurrencyRejected",
    ]);
    expect(tasks[2]).toMatchObject({ attempts: [], attemptCount: 0 });
    expect(tasks[2]!.endedAtUs).toBeDefined();
    const refused = await driver.submit({ name: "keyed", concurrency });
    expect(await driver.jobState(refused)).toBe("FAILED");
    expect((await driver.job(refused)).failure).toMatchObject({ type: "ConcurrencyRejected" });
    await driver.drain();
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
    await driver.submit({ name: "keyed", concurrency });
    expect(await names(driver)).toEqual(["keyed"]);
  },

  "a refused task dooms its job as any failure does, and a retried attempt is never refused": async (driver) => {
    const concurrency = rule(1, "rejectNew");
    const holder = await driver.submit({ name: "holder", concurrency, retry: retryAtOnce(2) });
    const lease = await driver.claimOne();
    const job = await driver.submit({ name: "root" });
    await driver.succeed(await driver.claimOne(), "", taskSet({ name: "refused", concurrency }, { name: "other" }));
    expect(await driver.states(job)).toEqual({ root: "FAILED", refused: "FAILED", other: "SKIPPED" });
    await driver.fail(lease);
    expect(await driver.states(holder)).toEqual({ holder: "QUEUED" });
    await driver.drain();
    expect(await driver.jobState(holder)).toBe("SUCCEEDED");
  },

  "no more attempts start in a window than the rate limit allows": async (driver) => {
    const windowMs = 60_000;
    driver.clock.advance(windowMs - ((driver.clock.nowUs() / 1000) % windowMs));
    await driver.submit({ name: "rated", count: 5, rateLimit: { key: "api", limit: 2, windowMs } });
    await driver.submit({ name: "free" });
    const due: number[] = [];
    const off = driver.store.on("due", (atUs) => due.push(atUs));
    const leased = await driver.claim({ leaseMs: 10 * windowMs });
    off();
    expect(Math.min(...due), "the end of the window is announced").toBe(driver.clock.nowUs() + windowMs * 1000);
    expect(leased.map(({ name }) => name).sort()).toEqual(["free", "rated", "rated"]);
    expect(await throttled(driver)).toBe(3);
    await driver.report(...leased.map((lease) => driver.success(lease)));
    expect(await driver.claim()).toEqual([]);
    expect((await driver.store.maintain(10)).nextDueUs).toBe(driver.clock.nowUs() + windowMs * 1000);
    driver.clock.advance(windowMs);
    await driver.store.maintain(10);
    expect(await driver.drain()).toEqual(["rated", "rated"]);
    expect(await driver.claim()).toEqual([]);
  },

  "starts are counted over a restart": async (driver) => {
    const windowMs = 3_600_000;
    driver.clock.advance(windowMs - ((driver.clock.nowUs() / 1000) % windowMs));
    await driver.submit({ name: "rated", count: 3, rateLimit: { key: "api", limit: 2, windowMs } });
    await driver.succeed(await driver.claimOne());
    await driver.reopen();
    expect(await driver.claim()).toHaveLength(1);
    expect(await driver.claim()).toEqual([]);
  },

  "starts still count in a window that the clock left backwards and comes to again": async (driver) => {
    const windowMs = 60_000;
    driver.clock.advance(windowMs - ((driver.clock.nowUs() / 1000) % windowMs));
    await driver.submit({ name: "rated", count: 3, rateLimit: { key: "api", limit: 2, windowMs } });
    expect(await driver.claim({ leaseMs: 10 * windowMs })).toHaveLength(2);
    driver.clock.advance(-1);
    await driver.store.maintain(10);
    driver.clock.advance(1);
    await driver.store.maintain(10);
    expect(await driver.claim()).toEqual([]);
    expect(await throttled(driver)).toBe(1);
  },

  "a task that is not leased in time fails without an attempt": async (driver) => {
    const job = await driver.submit({ name: "late", count: 2, queueTimeoutMs: 1_000, optional: true });
    const lease = await driver.claimOne();
    expect((await driver.store.maintain(10)).nextDueUs).toBe(driver.clock.nowUs() + 1_000_000);
    driver.clock.advance(1_000);
    await driver.store.maintain(10);
    const tasks = await driver.tasks(job);
    expect(tasks.map(({ failure, attempts }) => [failure?.type, attempts.length])).toEqual([
      [undefined, 1],
      ["QueueTimeout", 0],
    ]);
    await driver.succeed(lease);
    expect(await driver.claim()).toEqual([]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "tasks that became ready with one that was given back at once wait no longer than they may": async (driver) => {
    const job = await driver.submit({ name: "late", count: 3, queueTimeoutMs: 1_000, optional: true });
    await driver.report(toReport(await driver.claimOne(), { kind: "released", unknownIdentifier: false }));
    driver.clock.advance(1_000);
    await driver.store.maintain(10);
    const tasks = await driver.tasks(job);
    expect(tasks.map(({ failure }) => failure?.type)).toEqual(["QueueTimeout", "QueueTimeout", "QueueTimeout"]);
  },

  "each wait in the queue counts by itself: after a retry, and from when dependencies are done": async (driver) => {
    const job = await driver.submit(
      { name: "first", queueTimeoutMs: 1_000, retry: retryAtOnce(2) },
      { name: "second", after: ["first"], queueTimeoutMs: 1_000 },
    );
    driver.clock.advance(900);
    const lease = await driver.claimOne();
    driver.clock.advance(900);
    await driver.fail(lease);
    driver.clock.advance(900);
    await driver.store.maintain(10);
    await driver.succeed(await driver.claimOne());
    driver.clock.advance(999);
    await driver.store.maintain(10);
    expect(await driver.states(job)).toEqual({ first: "SUCCEEDED", second: "QUEUED" });
    await driver.reopen();
    driver.clock.advance(1);
    await driver.store.maintain(10);
    expect(await driver.states(job)).toEqual({ first: "SUCCEEDED", second: "FAILED" });
    expect(await driver.jobState(job)).toBe("FAILED");
  },

  "a job that waits is not leased before it has a place, which it keeps until it ends": async (driver) => {
    const concurrency = rule(1);
    await submitWith(driver, concurrency);
    const second = await submitWith(driver, concurrency);
    const urgent = await submitWith(driver, concurrency, 5);
    const lease = await driver.claimOne();
    expect(await driver.claim()).toEqual([]);
    expect(await throttled(driver)).toBe(2);
    expect(await driver.jobState(second)).toBe("QUEUED");
    expect((await driver.job(second)).concurrency).toEqual(concurrency);
    await driver.reopen();
    expect(await driver.claim()).toEqual([]);
    await driver.succeed(lease);
    expect((await driver.claimOne()).jobId).toBe(urgent);
  },

  "the end of a job wakes those who wait for the next one's tasks": async (driver) => {
    await submitWith(driver, rule(1));
    const next = await submitWith(driver, rule(1));
    const lease = await driver.claimOne();
    const woken: string[] = [];
    const off = driver.store.on("ready", (queues) => woken.push(...queues.keys()));
    await driver.succeed(lease);
    off();
    expect(woken).toEqual(["default"]);
    expect((await driver.claimOne()).jobId).toBe(next);
  },

  "a job that cancels takes the place of the longest-admitted one": async (driver) => {
    const concurrency = rule(1, "cancelRunning");
    const first = await submitWith(driver, concurrency);
    const lease = await driver.claimOne();
    const second = await submitWith(driver, concurrency);
    const third = await driver.job(first);
    expect(third.cancelReason).toContain(second);
    expect(await driver.claim()).toEqual([]);
    await driver.fail(lease, { outcome: AttemptOutcome.CANCELLED });
    expect(await driver.jobState(first)).toBe("CANCELLED");
    expect((await driver.claimOne()).jobId).toBe(second);
  },

  "the longest-admitted job is told over a restart, of jobs let in together, too": async (driver) => {
    for (let i = 0; i < 2; i++) await submitWith(driver, rule(2));
    const leases = await driver.claim();
    const later = await submitWith(driver, rule(2));
    const sooner = await submitWith(driver, rule(2), 5);
    await driver.report(...leases.map((lease) => driver.success(lease)));
    await driver.reopen();
    const newcomer = await submitWith(driver, rule(2, "cancelRunning"));
    expect((await driver.job(sooner)).cancelReason).toContain(newcomer);
    expect(await driver.jobState(later)).toBe("QUEUED");
  },

  "the longest-admitted job is told over a restart, although the clock was set back": async (driver) => {
    const first = await submitWith(driver, rule(2));
    const sooner = await submitWith(driver, rule(2));
    const later = await submitWith(driver, rule(2));
    driver.clock.advance(-1_000);
    await driver.store.cancelJob(first, "");
    await driver.reopen();
    const newcomer = await submitWith(driver, rule(2, "cancelRunning"));
    expect((await driver.job(sooner)).cancelReason).toContain(newcomer);
    expect(await driver.jobState(later)).toBe("QUEUED");
  },

  "a job that refuses itself leaves no trace": async (driver) => {
    const concurrency = rule(1, "rejectNew");
    const holder = await submitWith(driver, concurrency);
    const refused = driver.newJob(taskSet({ name: "only" }), { concurrency });
    expect(await driver.store.submitJobs([refused])).toEqual([{ kind: "rejected", key: "key", limit: 1 }]);
    expect(await driver.store.getJobs([refused.id], { includeOutputs: false })).toEqual([]);
    await driver.drain();
    expect(await driver.jobState(holder)).toBe("SUCCEEDED");
    await submitWith(driver, concurrency);
    expect(await driver.drain()).toEqual(["only"]);
  },

  "jobs of one request find the places that those before them gave up": async (driver) => {
    await driver.submit({ name: "holder", concurrency: rule(1, "wait", "task-key") });
    const place = { concurrency: rule(1, "rejectNew") };
    const refused = driver.newJob(taskSet({ name: "only", concurrency: rule(1, "rejectNew", "task-key") }), place);
    const next = driver.newJob(taskSet({ name: "only" }), place);
    const outcomes = await driver.store.submitJobs([refused, next]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["created", "created"]);
    expect(await driver.jobState(refused.id)).toBe("FAILED");
    expect(await driver.drain()).toEqual(["holder", "only"]);
  },

  "a waiting job that is cancelled or passes its deadline gives up its turn": async (driver) => {
    const concurrency = rule(1);
    await submitWith(driver, concurrency);
    const cancelled = await submitWith(driver, concurrency);
    const deadlineUs = driver.clock.nowUs() + 1_000_000;
    const overdue = await driver.submitJob(driver.newJob(taskSet({ name: "only" }), { concurrency, deadlineUs }));
    const last = await submitWith(driver, concurrency);
    await driver.store.cancelJob(cancelled, "");
    driver.clock.advance(1_001);
    await driver.store.maintain(10);
    expect(await driver.jobState(cancelled)).toBe("CANCELLED");
    expect(await driver.jobState(overdue)).toBe("FAILED");
    await driver.succeed(await driver.claimOne());
    expect((await driver.claimOne()).jobId).toBe(last);
  },

  "a retried job asks for its place again": async (driver) => {
    const concurrency = rule(1);
    const job = await submitWith(driver, concurrency);
    await driver.fail(await driver.claimOne());
    const other = await submitWith(driver, concurrency);
    expect(await driver.retry(job)).toBe(1);
    const lease = await driver.claimOne();
    expect(lease.jobId).toBe(other);
    expect(await driver.claim()).toEqual([]);
    await driver.succeed(lease);
    expect((await driver.claimOne()).jobId).toBe(job);
  },
};
