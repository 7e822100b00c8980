import { AttemptOutcome, CancellationReason, TaskState } from "@spanloom/protocol";
import { expect } from "vitest";
import { GRACE_MS, retryAtOnce, taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";

/** Failures, retries, optional tasks, cancellation, deadlines. */
export const failureCases: Cases = {
  "a failed attempt is tried again after its backoff, and every attempt is kept": async (driver) => {
    const retry = { ...retryAtOnce(3), initialDelayMs: 100, factor: 10, maxDelayMs: 60_000 };
    const job = await driver.submit({ name: "flaky", retry });
    await driver.fail(await driver.claimOne());
    expect(await driver.states(job)).toEqual({ flaky: "SCHEDULED" });
    expect(await driver.store.maintain(10)).toMatchObject({ woken: 0, nextDueUs: driver.clock.nowUs() + 100_000 });
    driver.clock.advance(100);
    await driver.store.maintain(10);
    const second = await driver.claimOne();
    expect(second).toMatchObject({ attempt: 2, attemptsLeft: 1 });
    await driver.fail(second);
    driver.clock.advance(1_000);
    await driver.store.maintain(10);
    await driver.succeed(await driver.claimOne(), "at last");
    const [task] = await driver.tasks(job);
    expect(task!.attempts.map(({ outcome, backoffUs }) => [outcome, backoffUs])).toEqual([
      [AttemptOutcome.FAILURE, 0],
      [AttemptOutcome.FAILURE, 100_000],
      [AttemptOutcome.SUCCESS, 1_000_000],
    ]);
    expect(task!.attempts[0]!.failure).toEqual({ type: "Error", message: "flaky failed", stack: "at run" });
    expect(task!.failure).toBeUndefined();
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "no retry follows when attempts are used up, the type is excluded or the code says so": async (driver) => {
    const retry = { ...retryAtOnce(2), nonRetryableTypes: ["Fatal"] };
    const jobs = [];
    for (const name of ["spent", "fatal", "told"]) jobs.push(await driver.submit({ name, retry }));
    for (const lease of await driver.claim()) {
      if (lease.name === "spent") await driver.fail(lease);
      if (lease.name === "fatal") await driver.fail(lease, { failure: { type: "Fatal", message: "", stack: "" } });
      if (lease.name === "told") await driver.fail(lease, { retryable: false });
    }
    const again = await driver.claim();
    expect(again.map(({ name }) => name)).toEqual(["spent"]);
    await driver.fail(again[0]!);
    for (const job of jobs) expect(await driver.jobState(job)).toBe("FAILED");
  },

  "a retry waits for as long as the failure asks for": async (driver) => {
    await driver.submit({ name: "flaky", retry: retryAtOnce(2) });
    await driver.fail(await driver.claimOne(), { retryAfterMs: 2_500 });
    expect((await driver.store.maintain(10)).nextDueUs).toBe(driver.clock.nowUs() + 2_500_000);
  },

  "a failure skips unstarted tasks, stops running ones and fails the ancestors when all have ended": async (driver) => {
    const job = await driver.submit({ name: "root" });
    await driver.succeed(
      await driver.claimOne(),
      "",
      taskSet({ name: "bad" }, { name: "busy" }, { name: "next", after: ["bad"] }),
    );
    const [bad, busy] = await driver.claim();
    // Two servers in turn tell their listeners each: of the same runner.
    const told = new Set<string>();
    driver.store.on("cancelled", (runners) => {
      for (const runner of runners) told.add(runner);
    });
    await driver.fail(bad!);
    expect(told).toEqual(new Set([driver.runnerId]));
    expect(await driver.states(job)).toEqual({ root: "WAITING", bad: "FAILED", busy: "RUNNING", next: "SKIPPED" });
    expect(await driver.jobState(job)).toBe("RUNNING");
    const beat = await driver.store.heartbeat(driver.runnerId, [{ ...busy!, progress: [] }], 15_000);
    expect(beat.cancelled).toEqual([{ taskId: busy!.taskId, attempt: 1, reason: CancellationReason.JOB_FAILED }]);
    await driver.fail(busy!, { outcome: AttemptOutcome.CANCELLED });
    expect(await driver.states(job)).toEqual({ root: "FAILED", bad: "FAILED", busy: "CANCELLED", next: "SKIPPED" });
    const record = await driver.job(job);
    expect(record).toMatchObject({ failedTaskId: bad!.taskId, failure: { message: "bad failed" } });
    expect(await driver.jobState(job)).toBe("FAILED");
  },

  "children of a success reported after its job was doomed never start": async (driver) => {
    const job = await driver.submit({ name: "bad" }, { name: "late" });
    const [bad, late] = await driver.claim();
    await driver.fail(bad!);
    expect(await driver.succeed(late!, "", taskSet({ name: "child", count: 3 }))).toBe("ok");
    expect(await driver.claim()).toEqual([]);
    expect(await driver.states(job)).toEqual({ bad: "FAILED", late: "FAILED", child: "SKIPPED" });
    expect((await driver.tasks(job))[1]?.failure?.type).toBe("ChildFailed");
    expect(await driver.jobState(job)).toBe("FAILED");
  },

  "an optional task's failure is bounded to its subtree, and dependants see it": async (driver) => {
    const job = await driver.submit({ name: "maybe", optional: true }, { name: "after", after: ["maybe"] });
    await driver.succeed(
      await driver.claimOne(),
      "",
      taskSet({ name: "bad" }, { name: "busy" }, { name: "rest", after: ["busy"] }),
    );
    const [bad, busy] = await driver.claim();
    await driver.fail(bad!);
    expect(await driver.states(job)).toEqual({
      maybe: "WAITING",
      after: "BLOCKED",
      bad: "FAILED",
      busy: "RUNNING",
      rest: "SKIPPED",
    });
    await driver.fail(busy!, { outcome: AttemptOutcome.CANCELLED });
    const after = await driver.claimOne();
    expect(after.dependencies).toMatchObject([
      { name: "maybe", state: TaskState.FAILED, failure: { type: "ChildFailed" } },
    ]);
    await driver.succeed(after);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },

  "cancelling ends unstarted tasks at once and tells running attempts": async (driver) => {
    const job = await driver.submit({ name: "a" }, { name: "b", after: ["a"] });
    const lease = await driver.claimOne();
    const cancelled = await driver.store.cancelJob(job, "no longer needed");
    expect(cancelled).toMatchObject({ cancelReason: "no longer needed" });
    expect(await driver.jobState(job)).toBe("CANCELLING");
    expect(await driver.states(job)).toEqual({ a: "RUNNING", b: "CANCELLED" });
    const poll = await driver.store.exchange({ runnerId: driver.runnerId, reports: [], claim: undefined });
    expect(poll.cancellations).toEqual([
      { taskId: lease.taskId, attempt: 1, reason: CancellationReason.JOB_CANCELLED },
    ]);
    await driver.fail(lease, { outcome: AttemptOutcome.CANCELLED });
    expect(await driver.jobState(job)).toBe("CANCELLED");
    expect(await driver.states(job)).toEqual({ a: "CANCELLED", b: "CANCELLED" });
  },

  "cancelling a job of which nothing has started ends it at once": async (driver) => {
    const job = await driver.submit({ name: "a" }, { name: "b", after: ["a"] }, { name: "c", startDelayMs: 60_000 });
    await driver.store.cancelJob(job, "");
    expect(await driver.jobState(job)).toBe("CANCELLED");
    expect(await driver.claim()).toEqual([]);
  },

  "a cancelled attempt that does not stop is fenced after the grace period": async (driver) => {
    const job = await driver.submit({ name: "deaf" });
    const lease = await driver.claimOne({ leaseMs: 600_000 });
    await driver.store.cancelJob(job, "");
    driver.clock.advance(GRACE_MS - 1);
    expect(await driver.store.maintain(10)).toMatchObject({ fenced: 0 });
    driver.clock.advance(1);
    expect(await driver.store.maintain(10)).toMatchObject({ fenced: 1 });
    expect(await driver.succeed(lease)).toBe("stale");
    expect(await driver.jobState(job)).toBe("CANCELLED");
  },

  "cancelling a job that nobody knows is an error, one that has ended is left as it is": async (driver) => {
    await expect(driver.store.cancelJob(driver.newId(), "")).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
    const job = await driver.submit({ name: "done" });
    await driver.drain();
    await driver.store.cancelJob(job, "late");
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
    expect((await driver.job(job)).cancelReason).toBeUndefined();
  },

  "an attempt past its timeout is told, then ended as TIMEOUT and tried again": async (driver) => {
    const job = await driver.submit({ name: "slow", attemptTimeoutMs: 1_000, retry: retryAtOnce(2) });
    const lease = await driver.claimOne({ leaseMs: 600_000 });
    expect(lease.deadlineUs).toBe(driver.clock.nowUs() + 1_000_000);
    driver.clock.advance(1_000);
    expect(await driver.store.maintain(10)).toMatchObject({ fenced: 0 });
    const poll = await driver.store.exchange({ runnerId: driver.runnerId, reports: [], claim: undefined });
    expect(poll.cancellations).toMatchObject([{ reason: CancellationReason.TIMEOUT }]);
    driver.clock.advance(GRACE_MS);
    expect(await driver.store.maintain(10)).toMatchObject({ fenced: 1 });
    const second = await driver.claimOne();
    expect(second.attempt).toBe(2);
    const [task] = await driver.tasks(job);
    expect(task!.attempts[0]).toMatchObject({ outcome: AttemptOutcome.TIMEOUT, failure: { type: "Timeout" } });
  },

  "a job past its deadline fails, even when nothing of it had started": async (driver) => {
    const deadlineUs = driver.clock.nowUs() + 1_000_000;
    const job = await driver.submitJob(driver.newJob(taskSet({ name: "never" }), { deadlineUs }));
    expect((await driver.store.maintain(10)).nextDueUs).toBe(deadlineUs);
    driver.clock.advance(1_000);
    expect(await driver.store.maintain(10)).toMatchObject({ nextDueUs: undefined });
    expect(await driver.job(job)).toMatchObject({ failure: { type: "DeadlineExceeded" } });
    expect(await driver.states(job)).toEqual({ never: "SKIPPED" });
    expect(await driver.claim()).toEqual([]);
  },
};
