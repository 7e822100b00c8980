import { AttemptOutcome, JobState, TaskState } from "@spanloom/protocol";
import type { AttemptReport, Lease, NewTaskSet } from "@spanloom/server/store";
import { expect } from "vitest";
import { type GroupSketch, LEASE_MS, retryAtOnce, type StoreDriver, taskSet, toReport } from "./driver.ts";
import { checkInvariants } from "./invariants.ts";
import type { Cases } from "./scenario.ts";

const { SUCCEEDED } = TaskState;
const STEPS = 1_500;
const RUNNERS = 3;

const SEEDS = [1, 2, 3, 4];

/** Thousands of random operations from a printed seed; whatever happens, jobs end and counters equal a scan. */
export const randomSchedules: Cases = Object.fromEntries(
  SEEDS.map((seed) => [
    `whatever happens, every job ends and every counter equals a scan (seed ${seed})`,
    (driver) => runSchedule(driver, seed),
  ]),
);

async function runSchedule(driver: StoreDriver, seed: number): Promise<void> {
  const schedule = new Schedule(driver, seed);
  for (let step = 0; step < STEPS; step++) {
    await schedule.step();
    if (step % 250 === 0) await checkInvariants(driver);
  }
  await schedule.finish();
  for (const id of driver.jobIds) expect((await driver.job(id)).state).toBeGreaterThanOrEqual(JobState.SUCCEEDED);
}

/** Numbers in [0, 1) from a seed: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Schedule {
  readonly #driver: StoreDriver;
  readonly #random: () => number;
  readonly #runners: string[];
  /** Leases as runners believe to hold them. */
  readonly #held: { runnerId: string; lease: Lease }[] = [];
  /** Reports that were sent before. */
  readonly #sent: { runnerId: string; report: AttemptReport; answer: string }[] = [];
  /** Attempts acknowledged as ended, by task and number, with the token. */
  readonly #ended = new Map<string, string>();
  #submitted = 0;

  constructor(driver: StoreDriver, seed: number) {
    this.#driver = driver;
    this.#random = randomFrom(seed);
    this.#runners = Array.from({ length: RUNNERS }, () => driver.newId());
  }

  async step(): Promise<void> {
    const dice = this.#random();
    if (dice < 0.12) await this.#submit();
    else if (dice < 0.45) await this.#exchange();
    else if (dice < 0.75) await this.#report();
    else if (dice < 0.8) await this.#repeat();
    else if (dice < 0.88) await this.#pass();
    else if (dice < 0.94) await this.#heartbeat();
    else if (dice < 0.955) await this.#cancel();
    else if (dice < 0.97) await this.#retry();
    else if (dice < 0.985) await this.#driver.store.unregisterRunner(this.#pick(this.#runners));
    else if (dice < 0.99) await this.#driver.reopen();
    else await Promise.all([this.#exchange(), this.#report(), this.#submit(), this.#report(), this.#exchange()]);
  }

  /** Lets everything end: no more failures, the clock moves as needed. */
  async finish(): Promise<void> {
    const { store, clock } = this.#driver;
    for (let round = 0; round < 1_000; round++) {
      const runnerId = this.#runners[0]!;
      await this.#driver.drain({ runnerId });
      const { nextDueUs } = await store.maintain(10_000);
      const { queued } = await this.#backlog();
      if (nextDueUs === undefined && queued === 0) return;
      if (nextDueUs !== undefined && nextDueUs > clock.nowUs()) clock.set(nextDueUs);
    }
    throw new Error("cannot finish: something is pending for ever");
  }

  async #backlog(): Promise<{ queued: number }> {
    return (await this.#driver.store.queueStats(["default"]))[0]!;
  }

  async #submit(): Promise<void> {
    this.#submitted++;
    const overrides = {
      priority: Math.floor(this.#random() * 3),
      ...(this.#random() < 0.1 && { deadlineUs: this.#driver.clock.nowUs() + Math.round(this.#random() * 60e6) }),
      ...(this.#random() < 0.1 && { startAtUs: this.#driver.clock.nowUs() + Math.round(this.#random() * 30e6) }),
    };
    await this.#driver.submitJob(this.#driver.newJob(this.#tree(4), overrides));
  }

  #tree(maxGroups: number): NewTaskSet {
    const groups: GroupSketch[] = [];
    const count = 1 + Math.floor(this.#random() * maxGroups);
    for (let i = 0; i < count; i++) {
      groups.push({
        name: `t${i}`,
        count: 1 + Math.floor(this.#random() * 4),
        after: groups.filter(() => this.#random() < 0.3).map(({ name }) => name),
        optional: this.#random() < 0.3,
        retry: this.#random() < 0.5 ? retryAtOnce(3) : { ...retryAtOnce(2), initialDelayMs: 700, maxDelayMs: 5_000 },
        ...(this.#random() < 0.1 && { attemptTimeoutMs: 5_000 }),
        ...(this.#random() < 0.1 && { startDelayMs: 2_000 }),
      });
    }
    return taskSet(...groups);
  }

  async #exchange(): Promise<void> {
    const runnerId = this.#pick(this.#runners);
    const claim = this.#driver.claimRequest({ runnerId, limit: 1 + Math.floor(this.#random() * 8) });
    const { leases } = await this.#driver.store.exchange({ runnerId, reports: [], claim });
    for (const lease of leases) this.#held.push({ runnerId, lease });
  }

  async #report(): Promise<void> {
    if (this.#held.length === 0) return;
    const index = Math.floor(this.#random() * this.#held.length);
    const [{ runnerId, lease }] = this.#held.splice(index, 1) as [{ runnerId: string; lease: Lease }];
    const report = this.#anyReport(lease);
    const claim = this.#random() < 0.3 ? this.#driver.claimRequest({ runnerId, limit: 2 }) : undefined;
    const outcome = await this.#driver.store.exchange({ runnerId, reports: [report], claim });
    for (const next of outcome.leases) this.#held.push({ runnerId, lease: next });
    this.#sent.push({ runnerId, report, answer: outcome.reports[0]! });
    if (outcome.reports[0] === "ok") this.#noteEnd(report);
  }

  #noteEnd({ taskId, attempt, token }: AttemptReport): void {
    const key = `${taskId} ${attempt}`;
    expect(this.#ended.has(key), `attempt ${key} ended twice`).toBe(false);
    this.#ended.set(key, Buffer.from(token).toString("hex"));
  }

  #anyReport(lease: Lease): AttemptReport {
    const dice = this.#random();
    if (dice < 0.15) return this.#driver.failure(lease);
    if (dice < 0.2) return this.#driver.failure(lease, { outcome: AttemptOutcome.CANCELLED });
    if (dice < 0.25) return toReport(lease, { kind: "released", unknownIdentifier: false });
    const spawns = dice < 0.25 + 0.35 / (1 + this.#submitted / 100);
    return this.#driver.success(lease, "x", spawns ? this.#tree(2) : undefined);
  }

  async #repeat(): Promise<void> {
    if (this.#sent.length === 0) return;
    const { runnerId, report, answer } = this.#pick(this.#sent);
    const { reports } = await this.#driver.store.exchange({ runnerId, reports: [report], claim: undefined });
    expect(reports, "the answer to a repeated report").toEqual([answer]);
  }

  async #pass(): Promise<void> {
    this.#driver.clock.advance(this.#random() * (this.#random() < 0.1 ? LEASE_MS * 1.2 : 3_000));
    await this.#driver.store.maintain(1 + Math.floor(this.#random() * 20));
  }

  async #heartbeat(): Promise<void> {
    const runnerId = this.#pick(this.#runners);
    const mine = this.#held.filter((held) => held.runnerId === runnerId);
    const progress = [{ label: "n", done: Math.floor(this.#random() * 9), total: 9 }];
    const running = mine.map(({ lease }) => ({ ...lease, progress }));
    const { lost } = await this.#driver.store.heartbeat(runnerId, running, LEASE_MS);
    for (const { taskId, attempt } of lost) {
      const index = this.#held.findIndex(({ lease }) => lease.taskId === taskId && lease.attempt === attempt);
      // Half of the runners report what they lost all the same.
      if (this.#random() < 0.5) this.#held.splice(index, 1);
    }
  }

  async #cancel(): Promise<void> {
    if (this.#driver.jobIds.length > 0) await this.#driver.store.cancelJob(this.#pick(this.#driver.jobIds), "random");
  }

  /** Half of the time all that ended badly, else one or two tasks that may not even be allowed to run again. */
  async #retry(): Promise<void> {
    if (this.#driver.jobIds.length === 0) return;
    const job = this.#pick(this.#driver.jobIds);
    const tasks = this.#random() < 0.5 ? [] : (await this.#driver.tasks(job)).filter(({ state }) => state > SUCCEEDED);
    const named = tasks.length === 0 ? [] : [this.#pick(tasks).id, this.#pick(tasks).id];
    await this.#driver.retry(job, named).catch((error: { reason: string }) => {
      // Of jobs that run, or succeeded, or of a task that waits for one that failed.
      expect(error).toMatchObject({ reason: "INVALID_STATE" });
    });
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }
}
