import { AttemptOutcome, JobState, TaskState } from "@spanloom/protocol";
import type { Lease } from "@spanloom/server/store";
import { expect } from "vitest";
import { GRACE_MS, LEASE_MS, retryAtOnce, type StoreDriver, taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";

/** Ended jobs that run again: RetryJob. */
export const retryCases: Cases = {
  "a failed leaf runs again, with attempts counted anew and numbers that go on": async (driver) => {
    const job = await driver.submit({ name: "leaf", retry: retryAtOnce(2) });
    await driver.fail(await driver.claimOne());
    await driver.fail(await driver.claimOne());
    driver.clock.advance(1_000);
    const { job: running, retried } = await driver.store.retryJob(job, []);
    driver.retriedJobIds.add(job);
    expect(retried).toBe(1);
    expect(running).toMatchObject({ id: job, state: JobState.RUNNING, attempts: 2, counts: { queued: 1, failed: 0 } });
    expect(running.endedAtUs).toBeUndefined();
    expect(running.failure).toBeUndefined();
    expect(running.failedTaskId).toBeUndefined();
    const [queued] = await driver.tasks(job);
    expect(queued).toMatchObject({ state: TaskState.QUEUED, attemptCount: 0, queuedAtUs: driver.clock.nowUs() });
    expect(queued!.failure).toBeUndefined();
    driver.clock.advance(10);
    const third = await driver.claimOne();
    expect(third).toMatchObject({ attempt: 3, attemptsLeft: 1 });
    await driver.fail(third);
    await driver.succeed(await driver.claimOne(), "at last");
    const [task] = await driver.tasks(job);
    expect(task!.attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, AttemptOutcome.FAILURE],
      [2, AttemptOutcome.FAILURE],
      [3, AttemptOutcome.FAILURE],
      [4, AttemptOutcome.SUCCESS],
    ]);
    expect(task!.attempts[2]!.queuedAtUs).toBe(driver.clock.nowUs() - 10_000);
    expect(task!.attempts[1]!.failure).toMatchObject({ message: "leaf failed" });
    expect((await driver.job(job)).outputs?.map((bytes) => Buffer.from(bytes).toString())).toEqual(["at last"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a retry reruns what failed and what was skipped for it, and keeps what is finished": async (driver) => {
    const job = await driver.submit({ name: "a" }, { name: "b", after: ["a"] }, { name: "c", after: ["b"] });
    await driver.succeed(await driver.claimOne(), "kept");
    await driver.fail(await driver.claimOne());
    expect(await driver.states(job)).toEqual({ a: "SUCCEEDED", b: "FAILED", c: "SKIPPED" });
    expect(await driver.retry(job)).toBe(2);
    expect(await driver.states(job)).toEqual({ a: "SUCCEEDED", b: "QUEUED", c: "BLOCKED" });
    const b = await driver.claimOne();
    expect(b).toMatchObject({ name: "b", attempt: 2, dependencies: [{ state: TaskState.SUCCEEDED }] });
    expect(Buffer.from(b.dependencies[0]!.output).toString()).toBe("kept");
    await driver.succeed(b);
    expect(await driver.drain()).toEqual(["c"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a failure in the middle: its ancestors wait again, its siblings and their children are kept": async (driver) => {
    const job = await failInTheMiddle(driver);
    expect(await driver.states(job)).toEqual({
      root: "FAILED",
      good: "SUCCEEDED",
      leaf: "SUCCEEDED",
      bad: "FAILED",
      broken: "FAILED",
      next: "SKIPPED",
      last: "SKIPPED",
    });
    expect(await driver.retry(job)).toBe(3);
    expect(await driver.states(job)).toEqual({
      root: "WAITING",
      good: "SUCCEEDED",
      leaf: "SUCCEEDED",
      bad: "WAITING",
      broken: "QUEUED",
      next: "BLOCKED",
      last: "BLOCKED",
    });
    expect(await driver.drain()).toEqual(["broken", "next", "last"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a job of which a retry was closed and opened again goes on the same": async (driver) => {
    const job = await failInTheMiddle(driver);
    await driver.reopen();
    expect(await driver.retry(job)).toBe(3);
    await driver.reopen();
    const broken = await driver.claimOne();
    expect(broken).toMatchObject({ name: "broken", attempt: 2 });
    await driver.reopen();
    await driver.succeed(broken);
    await driver.reopen();
    expect(await driver.drain()).toEqual(["next", "last"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "children that were submitted to a doomed job run when it is retried": async (driver) => {
    const job = await driver.submit({ name: "bad" }, { name: "late" });
    const [bad, late] = await driver.claim();
    await driver.fail(bad!);
    await driver.succeed(late!, "kept", taskSet({ name: "child", count: 3 }, { name: "end", after: ["child"] }));
    expect(await driver.states(job)).toEqual({ bad: "FAILED", late: "FAILED", child: "SKIPPED", end: "SKIPPED" });
    expect(await driver.retry(job)).toBe(5);
    expect(await driver.states(job)).toEqual({ bad: "QUEUED", late: "WAITING", child: "QUEUED", end: "BLOCKED" });
    await driver.drain();
    expect((await driver.tasks(job)).map(({ attempts }) => attempts.length)).toEqual([2, 1, 1, 1, 1, 1]);
    expect((await driver.job(job)).outputs?.map((bytes) => Buffer.from(bytes).toString())).toEqual([
      "bad done",
      "kept",
    ]);
  },

  "the failed optional subtree of a succeeded job runs again; what saw it fail is kept": async (driver) => {
    const job = await driver.submit({ name: "root" }, { name: "end", after: ["root"] });
    await driver.succeed(
      await driver.claimOne(),
      "",
      taskSet({ name: "maybe", optional: true }, { name: "after", after: ["maybe"] }),
    );
    await driver.succeed(await driver.claimOne(), "", taskSet({ name: "bad" }, { name: "rest", after: ["bad"] }));
    await driver.fail(await driver.claimOne());
    await driver.drain();
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
    const before = (await driver.tasks(job)).find(({ name }) => name === "after")!;
    driver.clock.advance(5_000);
    expect(await driver.retry(job)).toBe(2);
    expect(await driver.jobState(job)).toBe("RUNNING");
    expect(await driver.states(job)).toEqual({
      root: "WAITING",
      end: "SUCCEEDED",
      maybe: "WAITING",
      after: "SUCCEEDED",
      bad: "QUEUED",
      rest: "BLOCKED",
    });
    expect(await driver.drain()).toEqual(["bad", "rest"]);
    const kept = (await driver.tasks(job)).find(({ name }) => name === "after")!;
    expect(kept).toEqual(before);
    expect(await driver.states(job)).toMatchObject({ root: "SUCCEEDED", maybe: "SUCCEEDED" });
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "what waits for an optional task runs again with a part of it, whatever stays as it was": async (driver) => {
    const job = await driver.submit({ name: "maybe", optional: true }, { name: "after", after: ["maybe"] });
    await driver.succeed(await driver.claimOne(), "", taskSet({ name: "one" }, { name: "two" }));
    await driver.store.cancelJob(job, "");
    const one = (await driver.tasks(job)).find(({ name }) => name === "one")!;
    expect(await driver.retry(job, [one.id])).toBe(2);
    expect(await driver.states(job)).toEqual({ maybe: "WAITING", after: "BLOCKED", one: "QUEUED", two: "CANCELLED" });
    expect(await driver.drain()).toEqual(["one", "after"]);
    expect(await driver.states(job)).toMatchObject({ maybe: "FAILED", after: "SUCCEEDED" });
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "tasks of one group of which some are done wait again for what they depend on": async (driver) => {
    const job = await driver.submit({ name: "maybe", optional: true }, { name: "pair", count: 2, after: ["maybe"] });
    await driver.fail(await driver.claimOne());
    driver.clock.advance(1_000);
    const [done, failed] = await driver.claim();
    await driver.succeed(done!);
    await driver.fail(failed!);
    const before = (await driver.tasks(job))[1]!;
    driver.clock.advance(5_000);
    expect(await driver.retry(job)).toBe(2);
    expect(await driver.states(job)).toEqual({ maybe: "QUEUED", pair: "BLOCKED SUCCEEDED" });
    await driver.succeed(await driver.claimOne());
    const again = await driver.claimOne();
    expect(again).toMatchObject({ taskId: failed!.taskId, attempt: 2 });
    await driver.succeed(again);
    const tasks = await driver.tasks(job);
    expect(tasks[1]).toEqual(before);
    expect(tasks[2]!.attempts[1]).toMatchObject({ queuedAtUs: driver.clock.nowUs() });
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a cancelled job runs again from where it was": async (driver) => {
    const job = await driver.submit({ name: "a" }, { name: "b" }, { name: "c", after: ["a", "b"] });
    const [a, b] = await driver.claim();
    await driver.succeed(a!);
    await driver.store.cancelJob(job, "wrong input");
    await driver.fail(b!, { outcome: AttemptOutcome.CANCELLED });
    expect(await driver.jobState(job)).toBe("CANCELLED");
    expect(await driver.retry(job)).toBe(2);
    expect((await driver.job(job)).cancelReason).toBeUndefined();
    expect(await driver.drain()).toEqual(["b", "c"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a job that was cancelled before anything began is QUEUED again": async (driver) => {
    const job = await driver.submit(
      { name: "a", startDelayMs: 60_000 },
      { name: "b", after: ["a"], startDelayMs: 500 },
    );
    await driver.store.cancelJob(job, "");
    expect(await driver.retry(job)).toBe(2);
    expect(await driver.jobState(job)).toBe("QUEUED");
    // A retry asks for now: the delay of what is ready does not apply again; that of what becomes ready later does.
    expect(await driver.drain()).toEqual(["a"]);
    expect(await driver.states(job)).toEqual({ a: "SUCCEEDED", b: "SCHEDULED" });
    driver.clock.advance(500);
    await driver.store.maintain(10);
    expect(await driver.drain()).toEqual(["b"]);
    driver.clock.advance(60_000);
    expect(await driver.store.maintain(10)).toMatchObject({ woken: 0 });
  },

  "an optional task that nobody leased in time leaves its job to succeed, and runs when it is retried": async (
    driver,
  ) => {
    const job = await driver.submit({ name: "maybe", optional: true, queueTimeoutMs: 1_000 });
    driver.clock.advance(1_000);
    await driver.store.maintain(10);
    expect(await driver.states(job)).toEqual({ maybe: "FAILED" });
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
    expect(await driver.retry(job)).toBe(1);
    expect(await driver.jobState(job)).toBe("QUEUED");
    expect(await driver.drain()).toEqual(["maybe"]);
    expect((await driver.tasks(job))[0]!.attempts).toHaveLength(1);
  },

  "a job that failed by its deadline runs again without it": async (driver) => {
    const deadlineUs = driver.clock.nowUs() + 1_000_000;
    const job = await driver.submitJob(driver.newJob(taskSet({ name: "slow" }, { name: "never" }), { deadlineUs }));
    const slow = await driver.claimOne({ leaseMs: 600_000 });
    driver.clock.advance(1_000);
    await driver.store.maintain(10);
    driver.clock.advance(GRACE_MS);
    await driver.store.maintain(10);
    expect(await driver.jobState(job)).toBe("FAILED");
    expect(await driver.retry(job)).toBe(2);
    expect((await driver.job(job)).deadlineUs).toBeUndefined();
    const again = await driver.claim();
    expect(again.map(({ name, attempt, deadlineUs: until }) => [name, attempt, until])).toEqual([
      ["slow", 2, undefined],
      ["never", 1, undefined],
    ]);
    expect(await driver.succeed(slow)).toBe("stale");
    expect(await driver.store.maintain(10)).toMatchObject({ lost: 0, fenced: 0 });
    await driver.report(...again.map((lease) => driver.success(lease)));
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a job that failed by its deadline before anything began is QUEUED again": async (driver) => {
    const deadlineUs = driver.clock.nowUs() + 1_000_000;
    const job = await driver.submitJob(driver.newJob(taskSet({ name: "never" }), { deadlineUs }));
    driver.clock.advance(1_000);
    await driver.store.maintain(10);
    expect(await driver.jobState(job)).toBe("FAILED");
    expect(await driver.retry(job)).toBe(1);
    expect(await driver.jobState(job)).toBe("QUEUED");
    expect(await driver.drain()).toEqual(["never"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a named task runs with what was skipped for it; other failures keep the job from succeeding": async (driver) => {
    const job = await driver.submit(
      { name: "one" },
      { name: "two" },
      { name: "after one", after: ["one"] },
      { name: "after both", after: ["one", "two"] },
      { name: "last", after: ["after one"] },
    );
    const [one, two] = await driver.claim();
    await driver.fail(one!);
    await driver.fail(two!);
    expect(await driver.retry(job, [one!.taskId])).toBe(3);
    expect(await driver.states(job)).toEqual({
      one: "QUEUED",
      two: "FAILED",
      "after one": "BLOCKED",
      "after both": "SKIPPED",
      last: "BLOCKED",
    });
    expect(await driver.job(job)).toMatchObject({ failedTaskId: two!.taskId, failure: { message: "two failed" } });
    expect(await driver.drain()).toEqual(["one", "after one", "last"]);
    expect(await driver.jobState(job)).toBe("FAILED");
    expect(await driver.retry(job)).toBe(2);
    expect((await driver.job(job)).failure).toBeUndefined();
    expect(await driver.drain()).toEqual(["two", "after both"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a task named that failed only because of its children runs those": async (driver) => {
    const job = await failInTheMiddle(driver);
    const bad = (await driver.tasks(job)).find(({ name }) => name === "bad")!;
    expect(await driver.retry(job, [bad.id])).toBe(3);
    expect(await driver.states(job)).toMatchObject({
      root: "WAITING",
      bad: "WAITING",
      broken: "QUEUED",
      last: "BLOCKED",
    });
    expect(await driver.drain()).toEqual(["broken", "next", "last"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "a parent whose other children stay failed fails again, and what waits for it is not run": async (driver) => {
    const job = await driver.submit({ name: "root" }, { name: "after", after: ["root"] });
    await driver.succeed(await driver.claimOne(), "", taskSet({ name: "one" }, { name: "two" }));
    const [one, two] = await driver.claim();
    await driver.fail(one!);
    await driver.fail(two!);
    expect(await driver.retry(job, [one!.taskId])).toBe(1);
    expect(await driver.states(job)).toEqual({ root: "WAITING", one: "QUEUED", two: "FAILED", after: "SKIPPED" });
    expect(await driver.drain()).toEqual(["one"]);
    expect(await driver.states(job)).toEqual({ root: "FAILED", one: "SUCCEEDED", two: "FAILED", after: "SKIPPED" });
    expect(await driver.job(job)).toMatchObject({ state: JobState.FAILED, failedTaskId: two!.taskId });
  },

  "a job cancelled and retried in part ends CANCELLED again": async (driver) => {
    const job = await driver.submit({ name: "a" }, { name: "b" });
    await driver.store.cancelJob(job, "why");
    const [a] = await driver.tasks(job);
    expect(await driver.retry(job, [a!.id])).toBe(1);
    await driver.reopen();
    expect(await driver.drain()).toEqual(["a"]);
    expect(await driver.job(job)).toMatchObject({ state: JobState.CANCELLED, cancelReason: "why" });
  },

  "a job is retried as often as it fails, but not while it runs": async (driver) => {
    const job = await driver.submit({ name: "root" });
    await driver.succeed(
      await driver.claimOne(),
      "",
      taskSet({ name: "stubborn" }, { name: "end", after: ["stubborn"] }),
    );
    for (let attempt = 1; attempt <= 3; attempt++) {
      const lease = await driver.claimOne();
      expect(lease.attempt).toBe(attempt);
      const running = driver.store.retryJob(job, []);
      await expect(running).rejects.toMatchObject({ reason: "INVALID_STATE" });
      await driver.fail(lease);
      expect(await driver.jobState(job)).toBe("FAILED");
      expect(await driver.retry(job)).toBe(2);
    }
    await driver.drain();
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
    expect(await driver.job(job)).toMatchObject({ attempts: 6 });
  },

  "results of attempts from before a retry change nothing, and repeated ones are answered as before": async (
    driver,
  ) => {
    const job = await driver.submit({ name: "reported" }, { name: "lost", retry: retryAtOnce(1) });
    const [reported, lost] = await driver.claim();
    const failure = driver.failure(reported!);
    expect(await driver.report(failure)).toEqual(["ok"]);
    driver.clock.advance(LEASE_MS + GRACE_MS);
    await driver.store.maintain(10);
    expect(await driver.jobState(job)).toBe("FAILED");
    expect(await driver.retry(job)).toBe(2);
    const late = driver.success(lost!, "late", taskSet({ name: "child" }));
    expect(await driver.report(failure, late)).toEqual(["ok", "stale"]);
    expect(await driver.states(job)).toEqual({ reported: "QUEUED", lost: "QUEUED" });
    const again = await driver.claim();
    expect(await driver.report(failure, late)).toEqual(["ok", "stale"]);
    expect(await driver.states(job)).toEqual({ reported: "RUNNING", lost: "RUNNING" });
    await driver.report(...again.map((lease) => driver.success(lease)));
    expect(await driver.report(failure, late)).toEqual(["ok", "stale"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "leases lost before a retry do not count after it": async (driver) => {
    const job = await driver.submit({ name: "poison" });
    const loseOnce = async (): Promise<Lease> => {
      const lease = await driver.claimOne();
      driver.clock.advance(LEASE_MS);
      await driver.store.maintain(10);
      return lease;
    };
    for (let loss = 1; loss <= 11; loss++) await loseOnce();
    expect(await driver.jobState(job)).toBe("FAILED");
    expect(await driver.retry(job)).toBe(1);
    for (let loss = 12; loss <= 21; loss++) expect((await loseOnce()).attempt).toBe(loss);
    await driver.succeed(await driver.claimOne());
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "progress of what runs again leaves the job's, what an attempt left behind is kept": async (driver) => {
    const job = await driver.submit({ name: "good" }, { name: "bad" });
    const [good, bad] = await driver.claim();
    const progress = [{ label: "files", done: 3, total: 10 }];
    const spanExtras = Uint8Array.from({ length: 5_000 }, (_, i) => i % 251);
    await driver.report({ ...driver.success(good!), progress });
    await driver.report({ ...driver.failure(bad!), progress, spanExtras, droppedTelemetry: 7 });
    expect((await driver.job(job)).progress).toEqual([{ label: "files", done: 6, total: 20 }]);
    expect(await driver.retry(job)).toBe(1);
    expect((await driver.job(job)).progress).toEqual(progress);
    await driver.report({ ...driver.success(await driver.claimOne()), progress });
    const [, task] = await driver.tasks(job);
    expect(task!.attempts[0]).toMatchObject({ droppedTelemetry: 7, outcome: AttemptOutcome.FAILURE });
    expect(Buffer.compare(task!.attempts[0]!.spanExtras, spanExtras)).toBe(0);
    expect((await driver.job(job)).progress).toEqual([{ label: "files", done: 6, total: 20 }]);
  },

  "a retried job asks for its place under its concurrency key again, and waits for it": async (driver) => {
    const concurrency = { key: "one", limit: 1, policy: "wait" } as const;
    const first = await driver.submitJob(driver.newJob(taskSet({ name: "bad" }), { concurrency }));
    await driver.fail(await driver.claimOne());
    const second = await driver.submitJob(driver.newJob(taskSet({ name: "next" }), { concurrency }));
    expect(await driver.retry(first)).toBe(1);
    const holder = await driver.claimOne();
    expect(holder.jobId).toBe(second);
    expect(await driver.claim()).toEqual([]);
    await driver.reopen();
    expect(await driver.claim()).toEqual([]);
    await driver.succeed(holder);
    expect(await driver.drain()).toEqual(["bad"]);
    expect(await driver.jobState(first)).toBe("SUCCEEDED");
  },

  "spans of a job's end are not taken for those of its next one": async (driver) => {
    const earlier = await driver.submit({ name: "earlier" });
    await driver.drain();
    const job = await failInTheMiddle(driver);
    const before = await endsOf(driver, job);
    driver.clock.advance(1);
    await driver.retry(job);
    await driver.store.markProjected(before);
    await driver.drain();
    await driver.store.markProjected(before);
    expect(await driver.store.unprojectedJobs(10, earlier)).toEqual([job]);
    await driver.store.markProjected(await endsOf(driver, job));
    expect(await driver.store.unprojectedJobs(10, earlier)).toEqual([]);
  },

  "a retry announces what is ready and what changed, and the job's next end": async (driver) => {
    const job = await failInTheMiddle(driver);
    await driver.store.markProjected(await endsOf(driver, job));
    const ready: [string, number][] = [];
    const changed = new Set<string>();
    const ended: string[] = [];
    driver.store.on("ready", (queues) => ready.push(...queues));
    driver.store.on("changed", (jobs, tasks) => {
      for (const id of [...jobs, ...tasks]) changed.add(id);
    });
    driver.store.on("ended", (jobs) => ended.push(...jobs));
    await driver.retry(job);
    expect(ready).toEqual([["default", 1]]);
    const tasks = await driver.tasks(job);
    const reopened = tasks.filter(({ state }) => state < TaskState.SUCCEEDED).map(({ id }) => id);
    expect([...changed].sort()).toEqual([job, ...reopened].sort());
    expect(ended).toEqual([]);
    expect(await driver.store.unprojectedJobs(10)).toEqual([job]);
    await driver.drain();
    expect(ended).toEqual([job]);
  },

  "thousands of failed tasks run again in turn with other jobs": async (driver) => {
    const job = await driver.submit({ name: "root" });
    await driver.succeed(await driver.claimOne(), "", taskSet({ name: "leaf", count: 3_000, optional: true }));
    for (let batch = await driver.claim(); batch.length > 0; batch = await driver.claim()) {
      await driver.report(...batch.map((lease, i) => (i % 3 === 0 ? driver.success(lease) : driver.failure(lease))));
    }
    const { failed } = (await driver.job(job)).counts;
    expect(await driver.retry(job)).toBe(failed);
    const small = await driver.submit({ name: "small" });
    expect((await driver.claim({ limit: 3 })).some(({ jobId }) => jobId === small)).toBe(true);
    driver.clock.advance(LEASE_MS);
    await driver.store.maintain(10);
    await driver.drain();
    expect((await driver.job(job)).counts).toMatchObject({ succeeded: 3_001, failed: 0 });
  },
};

/** A failed job whose failure is a grandchild's; one child and its subtree succeeded. */
async function failInTheMiddle(driver: StoreDriver): Promise<string> {
  const job = await driver.submit({ name: "root" }, { name: "last", after: ["root"] });
  await driver.succeed(await driver.claimOne(), "", taskSet({ name: "good" }, { name: "bad" }));
  const [good, bad] = await driver.claim();
  await driver.succeed(good!, "", taskSet({ name: "leaf", count: 2 }));
  await driver.succeed(bad!, "", taskSet({ name: "broken" }, { name: "next", after: ["broken"] }));
  const leases = await driver.claim();
  const [broken] = leases.filter(({ name }) => name === "broken");
  await driver.report(...leases.filter(({ name }) => name === "leaf").map((lease) => driver.success(lease)));
  await driver.fail(broken!);
  return job;
}

/** When a job ended. */
async function endsOf(driver: StoreDriver, job: string): Promise<Map<string, number>> {
  return new Map([[job, (await driver.job(job)).endedAtUs!]]);
}
