import { AttemptOutcome, RunnerState, TaskState } from "@spanloom/protocol";
import type { RunnerRecord } from "@spanloom/server/store";
import { expect } from "vitest";
import { LEASE_MS, type StoreDriver, toReport } from "./driver.ts";
import type { Cases } from "./scenario.ts";

const DAY_MS = 86_400_000;
/** A runner is shown as lost after this long; the default of every store. */
const LOST_MS = 60_000;

/** Runners without the code, lost runners, and runners that are gone for good. */
export const runnerCases: Cases = {
  "runners without the code give a task back once each, and it waits for one that has it": async (driver) => {
    const job = await driver.submit({ name: "task" }, { name: "other" });
    const runners = [driver.newId(), driver.newId(), driver.newId()];
    for (const runnerId of runners) await register(driver, runnerId, ["task"]);
    const release = async (runnerId: string) => {
      const lease = await driver.claimOne({ runnerId, identifiers: [{ name: "task", major: 1, minor: 0 }] });
      const report = toReport(lease, { kind: "released", unknownIdentifier: true });
      const claim = driver.claimRequest({ runnerId });
      const { leases } = await driver.store.exchange({ runnerId, reports: [report], claim });
      return leases.map(({ name }) => name);
    };
    // Its other identifiers are still offered.
    expect(await release(runners[0]!)).toEqual(["other"]);
    expect(await release(runners[1]!)).toEqual([]);
    for (let round = 0; round < 5; round++) {
      driver.clock.advance(LOST_MS);
      await driver.store.maintain(10);
      for (const runnerId of runners.slice(0, 2)) {
        await register(driver, runnerId, ["task"]);
        const leases = await driver.claim({ runnerId });
        expect(leases.map(({ name }) => name).filter((name) => name === "task")).toEqual([]);
      }
    }
    const [task] = await driver.tasks(job);
    expect(task).toMatchObject({ state: TaskState.QUEUED, attemptCount: 0 });
    expect(task!.attempts.map(({ outcome }) => outcome)).toEqual([AttemptOutcome.RELEASED, AttemptOutcome.RELEASED]);
    // One that has it, and one that has come back with more code than before.
    expect((await driver.claimOne({ runnerId: runners[2]! })).attempt).toBe(3);
    await driver.submit({ name: "task" });
    await register(driver, runners[0]!, ["task", "more"]);
    expect((await driver.claimOne({ runnerId: runners[0]! })).name).toBe("task");
  },

  "a runner that is silent is lost, its leases when they expire, and it is active when it speaks again": async (
    driver,
  ) => {
    const { runnerId } = driver;
    await register(driver, runnerId, ["task"]);
    const job = await driver.submit({ name: "task" });
    const lease = await driver.claimOne({ leaseMs: 4 * LOST_MS });
    driver.clock.advance(LOST_MS);
    expect(await find(driver, runnerId)).toMatchObject({ state: RunnerState.ACTIVE, running: 1 });
    driver.clock.advance(1);
    expect(await find(driver, runnerId)).toMatchObject({ state: RunnerState.LOST, running: 1 });
    expect(await driver.store.listRunners({ states: [RunnerState.ACTIVE] }, { limit: 10 })).toEqual([]);
    expect(await driver.store.maintain(10)).toMatchObject({ lost: 0 });
    driver.clock.advance(3 * LOST_MS);
    expect(await driver.store.maintain(10)).toMatchObject({ lost: 1 });
    expect(await find(driver, runnerId)).toMatchObject({ state: RunnerState.LOST, running: 0 });
    const beat = await driver.store.heartbeat(runnerId, [{ ...lease, progress: [] }], LEASE_MS);
    expect(beat.lost).toEqual([{ taskId: lease.taskId, attempt: 1 }]);
    expect(await find(driver, runnerId)).toMatchObject({
      state: RunnerState.ACTIVE,
      lastSeenAtUs: driver.clock.nowUs(),
    });
    expect(await driver.states(job)).toEqual({ task: "QUEUED" });
  },

  "runners not heard of for a day are forgotten; attempts still name theirs": async (driver) => {
    const [idle, left, silent, alive] = [driver.newId(), driver.newId(), driver.newId(), driver.newId()];
    for (const runnerId of [idle, left, silent, alive]) await register(driver, runnerId, ["task"]);
    const job = await driver.submit({ name: "task", count: 2 });
    await driver.succeed(await driver.claimOne({ runnerId: left }));
    await driver.claimOne({ runnerId: silent });
    await driver.store.unregisterRunner(left);
    const known = async () => (await driver.store.listRunners({}, { limit: 10 })).map(({ id }) => id).sort();
    driver.clock.advance(DAY_MS);
    await driver.store.heartbeat(alive, [], LEASE_MS);
    await driver.store.maintain(10);
    expect(await known()).toEqual([idle, left, silent, alive].sort());
    driver.clock.advance(1);
    await driver.store.maintain(10);
    expect(await known()).toEqual([alive]);
    const attempts = async () => (await driver.tasks(job)).map((task) => task.attempts.map(({ runnerId }) => runnerId));
    expect(await attempts()).toEqual([[left], [silent]]);
    await driver.reopen();
    expect(await known()).toEqual([alive]);
    expect(await attempts()).toEqual([[left], [silent]]);
    expect(await driver.store.listJobs({ runnerId: left }, { limit: 1 })).toMatchObject([{ id: job }]);
    // One that comes back is as new, and is listed once it registers.
    expect((await driver.claimOne({ runnerId: silent })).attempt).toBe(2);
    await register(driver, silent, ["task"]);
    expect(await known()).toEqual([silent, alive].sort());
  },

  "a store that was closed for a day forgets no runner before it had the time to speak": async (driver) => {
    await register(driver, driver.runnerId, ["task"]);
    await driver.store.stop();
    driver.clock.advance(2 * DAY_MS);
    await driver.reopen();
    await driver.store.maintain(10);
    expect(await find(driver, driver.runnerId)).toMatchObject({ state: RunnerState.LOST });
    await driver.store.heartbeat(driver.runnerId, [], LEASE_MS);
    driver.clock.advance(LOST_MS);
    await driver.store.maintain(10);
    expect(await find(driver, driver.runnerId)).toMatchObject({ state: RunnerState.ACTIVE, capacity: 4 });
  },
};

async function register(driver: StoreDriver, id: string, names: readonly string[]): Promise<void> {
  const identity = { host: "h", pid: 1, sdkName: "s", sdkVersion: "1", serviceName: "x", serviceVersion: "" };
  const identifiers = names.map((name) => ({ name, major: 1, minor: 0 }));
  await driver.store.registerRunner({ id, ...identity, queues: ["default"], identifiers, capacity: 4 });
}

async function find(driver: StoreDriver, runnerId: string): Promise<RunnerRecord | undefined> {
  return (await driver.store.listRunners({}, { limit: 100 })).find(({ id }) => id === runnerId);
}
