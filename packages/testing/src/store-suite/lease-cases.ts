import { AttemptOutcome, RunnerState, TaskState } from "@spanloom/protocol";
import { expect } from "vitest";
import { LEASE_MS, retryAtOnce, taskSet, toReport } from "./driver.ts";
import type { Cases } from "./scenario.ts";

/** Leases, fencing, duplicates, heartbeats, runners. */
export const leaseCases: Cases = {
  "an expired lease is lost, its task runs again and the stale runner is fenced (I2)": async (driver) => {
    const job = await driver.submit({ name: "task" });
    const lost = await driver.claimOne();
    driver.clock.advance(LEASE_MS - 1);
    expect(await driver.store.maintain(10)).toMatchObject({ lost: 0 });
    driver.clock.advance(1);
    expect(await driver.store.maintain(10)).toMatchObject({ lost: 1 });
    const second = await driver.claimOne({ runnerId: driver.newId() });
    expect(second).toMatchObject({ taskId: lost.taskId, attempt: 2, attemptsLeft: 0 });
    expect(await driver.succeed(lost, "late", taskSet({ name: "child" }))).toBe("stale");
    expect(await driver.fail(lost)).toBe("stale");
    const beat = await driver.store.heartbeat(driver.runnerId, [{ ...lost, progress: [] }], LEASE_MS);
    expect(beat).toMatchObject({ extended: [], lost: [{ taskId: lost.taskId, attempt: 1 }] });
    expect(await driver.succeed(second, "right")).toBe("ok");
    const [task] = await driver.tasks(job);
    expect(task!.attempts.map(({ outcome }) => outcome)).toEqual([AttemptOutcome.LOST, AttemptOutcome.SUCCESS]);
    expect(task).toMatchObject({ attemptCount: 1, childCount: 0 });
  },

  "a lease lost more than ten times fails its task": async (driver) => {
    const job = await driver.submit({ name: "poison" });
    for (let loss = 1; loss <= 11; loss++) {
      expect((await driver.claimOne()).attempt).toBe(loss);
      driver.clock.advance(LEASE_MS);
      await driver.store.maintain(10);
    }
    expect(await driver.claim()).toEqual([]);
    expect(await driver.job(job)).toMatchObject({ failure: { type: "LeaseLost" }, attempts: 11 });
  },

  "the same result again is answered as the first time (I3)": async (driver) => {
    const job = await driver.submit({ name: "flaky", retry: retryAtOnce(2) });
    const first = await driver.claimOne();
    const failure = driver.failure(first);
    expect(await driver.report(failure, failure)).toEqual(["ok", "ok"]);
    const second = await driver.claimOne();
    expect(await driver.report(failure)).toEqual(["ok"]);
    const success = driver.success(second, "", taskSet({ name: "child" }));
    expect(await driver.report(success)).toEqual(["ok"]);
    expect(await driver.report(success)).toEqual(["ok"]);
    await driver.reopen();
    expect(await driver.report(success, failure)).toEqual(["ok", "ok"]);
    expect((await driver.job(job)).counts).toMatchObject({ waiting: 1, queued: 1 });
  },

  "a report with another token, attempt or task is stale and changes nothing": async (driver) => {
    const job = await driver.submit({ name: "task" });
    const lease = await driver.claimOne();
    const forged = [
      { ...lease, token: new Uint8Array(16) },
      { ...lease, token: new Uint8Array(0) },
      { ...lease, attempt: 2 },
      { ...lease, taskId: driver.newId() },
      { ...lease, taskId: "no id" },
    ];
    const reports = forged.map((wrong) => driver.success(wrong));
    expect(await driver.report(...reports)).toEqual(["stale", "stale", "stale", "stale", "stale"]);
    expect(await driver.states(job)).toEqual({ task: "RUNNING" });
  },

  "a heartbeat extends leases, never shortens them, and records progress": async (driver) => {
    const job = await driver.submit({ name: "long", count: 2 });
    const [one, two] = await driver.claim();
    driver.clock.advance(10_000);
    const progress = [{ label: "files", done: 3, total: 10 }];
    const beat = await driver.store.heartbeat(driver.runnerId, [{ ...one!, progress }], LEASE_MS);
    expect(beat).toMatchObject({ extended: [{ taskId: one!.taskId, attempt: 1 }], lost: [], drain: false });
    await driver.store.heartbeat(
      driver.runnerId,
      [
        { ...one!, progress },
        { ...two!, progress },
      ],
      1,
    );
    expect((await driver.job(job)).progress).toEqual([{ label: "files", done: 6, total: 20 }]);
    driver.clock.advance(5_000);
    expect(await driver.store.maintain(10)).toMatchObject({ lost: 1 });
    expect((await driver.job(job)).progress).toEqual(progress);
    driver.clock.advance(10_000);
    expect(await driver.store.maintain(10)).toMatchObject({ lost: 1, nextDueUs: undefined });
  },

  "a released task costs no retry and is not offered again to a runner without its code": async (driver) => {
    const job = await driver.submit({ name: "task" });
    const lease = await driver.claimOne();
    await driver.report(toReport(lease, { kind: "released", unknownIdentifier: true }));
    expect(await driver.claim()).toEqual([]);
    const other = await driver.claimOne({ runnerId: driver.newId() });
    expect(other).toMatchObject({ attempt: 2, attemptsLeft: 0 });
    await driver.report(toReport(other, { kind: "released", unknownIdentifier: false }));
    const [task] = await driver.tasks(job);
    expect(task).toMatchObject({ state: TaskState.QUEUED, attemptCount: 0 });
    expect(task!.attempts.map(({ outcome }) => outcome)).toEqual([AttemptOutcome.RELEASED, AttemptOutcome.RELEASED]);
  },

  "a runner that says goodbye gives its tasks back; one that drains gets none": async (driver) => {
    const identity = { host: "h", pid: 1, sdkName: "s", sdkVersion: "1", serviceName: "x", serviceVersion: "" };
    const runner = { id: driver.runnerId, ...identity, queues: ["default"], identifiers: [], capacity: 4 };
    await driver.store.registerRunner(runner);
    await driver.submit({ name: "task", count: 2 });
    await driver.claimOne();
    expect(await driver.store.listRunners({ queue: "default" }, { limit: 10 })).toMatchObject([
      { id: driver.runnerId, running: 1, state: RunnerState.ACTIVE, capacity: 4 },
    ]);
    const told: string[] = [];
    const unsubscribe = driver.store.on("cancelled", (runnerIds) => told.push(...runnerIds));
    await driver.store.drainRunner(driver.runnerId);
    unsubscribe();
    // So that its waiting long poll is answered.
    expect(new Set(told)).toEqual(new Set([driver.runnerId]));
    const claim = driver.claimRequest();
    const drained = await driver.store.exchange({ runnerId: driver.runnerId, reports: [], claim });
    expect(drained).toMatchObject({ leases: [], drain: true });
    await driver.store.unregisterRunner(driver.runnerId);
    expect(await driver.store.listRunners({ states: [RunnerState.STOPPED] }, { limit: 10 })).toMatchObject([
      { running: 0 },
    ]);
    expect((await driver.claim({ runnerId: driver.newId() })).map(({ attempt }) => attempt).sort()).toEqual([1, 2]);
    const unknown = driver.store.drainRunner(driver.newId());
    await expect(unknown).rejects.toMatchObject({ reason: "RUNNER_NOT_FOUND" });
  },

  "a runner that said goodbye and speaks again can be told to drain, also after a restart": async (driver) => {
    await driver.submit({ name: "task" });
    const runnerId = driver.newId();
    await driver.claim({ runnerId, limit: 1 });
    await driver.store.unregisterRunner(runnerId);
    expect(await driver.claim({ runnerId, limit: 1 })).toHaveLength(1);
    await driver.reopen();
    await driver.store.drainRunner(runnerId);
    const claim = driver.claimRequest({ runnerId });
    expect(await driver.store.exchange({ runnerId, reports: [], claim })).toMatchObject({ drain: true, leases: [] });
  },

  "identifiers match by name, equal major and at least the minor": async (driver) => {
    await driver.submit({ name: "task", major: 2, minor: 3 });
    for (const [major, minor] of [
      [1, 9],
      [2, 2],
      [3, 3],
    ] as const) {
      expect(await driver.claim({ identifiers: [{ name: "task", major, minor }] })).toEqual([]);
    }
    expect(await driver.claim({ identifiers: [{ name: "other", major: 2, minor: 3 }] })).toEqual([]);
    expect(await driver.claim({ identifiers: [{ name: "task", major: 2, minor: 4 }] })).toHaveLength(1);
  },
};
