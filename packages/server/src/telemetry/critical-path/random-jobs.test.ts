import { AttemptOutcome } from "@spanloom/protocol";
import { type GroupSketch, LEASE_MS, retryAtOnce, type StoreDriver, taskSet } from "@spanloom/testing";
import { expect, it } from "vitest";
import type { Lease, TaskRecord } from "../../store/store.ts";
import { seeded } from "../../testing/seeded.ts";
import { rowsOf } from "../ingest/otlp-fixture.ts";
import { playedJobs } from "./testing/played-jobs.ts";

const JOBS = 20;
const STEPS = 500;

/** Random jobs on a real store: fan-outs, dependencies, children, optional parts, retries, losses, cancellations. */
class RandomPlay {
  readonly #driver: StoreDriver;
  readonly #random: () => number;
  #leases: Lease[] = [];
  #names = 0;

  constructor(driver: StoreDriver, random: () => number) {
    this.#driver = driver;
    this.#random = random;
  }

  async run(): Promise<void> {
    const driver = this.#driver;
    for (let i = 0; i < JOBS; i++) {
      driver.clock.advance(this.#below(5));
      await driver.submit(...this.#groups(4));
    }
    for (let i = 0; i < STEPS; i++) {
      // Attempts take some time: those that take none let the waits around them look like one.
      driver.clock.advance((1 + this.#below(30)) / 2);
      if (this.#below(60) === 0) driver.clock.advance(LEASE_MS);
      await driver.store.maintain(1_000);
      await this.#step();
    }
  }

  async #step(): Promise<void> {
    const action = this.#below(100);
    if (action < 35) this.#leases.push(...(await this.#driver.claim({ limit: 1 + this.#below(6) })));
    else if (action < 92) await this.#end(this.#leases.splice(this.#below(this.#leases.length), 1)[0]);
    else if (action < 96) await this.#retry();
    else if (action < 97) await this.#driver.store.cancelJob(this.#job(), "");
    // Code that is never heard of again.
    else this.#leases.splice(this.#below(this.#leases.length), 1);
  }

  async #end(lease: Lease | undefined): Promise<void> {
    if (!lease) return;
    const driver = this.#driver;
    const how = this.#below(10);
    const stopped = { type: "AbortError", message: "", stack: "" };
    if (how < 3) await driver.fail(lease);
    else if (how < 4) await driver.fail(lease, { outcome: AttemptOutcome.CANCELLED, failure: stopped });
    else await driver.succeed(lease, "", how < 6 ? taskSet(...this.#groups(3)) : undefined);
  }

  async #retry(): Promise<void> {
    const { endedAtUs, failure } = await this.#driver.job(this.#job());
    if (endedAtUs !== undefined && failure) await this.#driver.retry(this.#job()).catch(() => undefined);
  }

  #job(): string {
    return this.#driver.jobIds[this.#below(JOBS)]!;
  }

  #groups(most: number): GroupSketch[] {
    const groups: GroupSketch[] = [];
    for (let i = 0; i <= this.#below(most); i++) {
      const retry = { ...retryAtOnce(1 + this.#below(3)), initialDelayMs: this.#below(2) * 40, maxDelayMs: 200 };
      groups.push({
        name: `n${this.#names++}`,
        count: 1 + this.#below(3),
        after: groups.filter(() => this.#below(2) === 0).map(({ name }) => name),
        optional: this.#below(5) === 0,
        retry,
        ...(this.#below(6) === 0 && { startDelayMs: this.#below(60) }),
      });
    }
    return groups;
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }
}

interface Row {
  kind: string;
  start_time: bigint;
  end_time: bigint;
  duration_ns: bigint;
  task_id: string | null;
  attempt: number | null;
}

/** Kinds of segments seen by all seeds. */
const kinds = new Set<string>();

it.each([1, 2, 3, 4])("paths of random jobs sum to their durations and tell what happened (seed %i)", async (seed) => {
  await using jobs = await playedJobs((driver) => new RandomPlay(driver, seeded(seed)).run());
  const { driver } = jobs;
  for (const jobId of driver.jobIds) {
    const rows = rowsOf(...(await jobs.ask(jobId))) as unknown as Row[];
    const { createdAtUs, endedAtUs = driver.clock.nowUs() } = await driver.job(jobId);
    let atUs = createdAtUs;
    const tasks = new Map((await driver.tasks(jobId)).map((task) => [task.id, task]));
    for (const row of rows) {
      const [fromUs, toUs] = [Number(row.start_time / 1000n), Number(row.end_time / 1000n)];
      expect(fromUs).toBe(atUs);
      expect(toUs).toBeGreaterThan(fromUs);
      expect(row.duration_ns).toBe(row.end_time - row.start_time);
      const task = row.task_id === null ? undefined : tasks.get(row.task_id)!;
      expect(
        isTrue(row, task, { fromUs, toUs, nowUs: driver.clock.nowUs() }),
        JSON.stringify({ ...row, task }, bigints),
      ).toBe(true);
      kinds.add(row.kind);
      atUs = toUs;
    }
    expect(atUs).toBe(endedAtUs);
  }
});

it("random jobs have segments of every kind", () => {
  expect([...kinds].sort()).toEqual(["backoff", "blocked", "overhead", "queued", "running"]);
});

/** Whether the record says the same of the task. */
function isTrue(
  { kind, attempt }: Row,
  task: TaskRecord | undefined,
  { fromUs, toUs, nowUs }: { fromUs: number; toUs: number; nowUs: number },
): boolean {
  if (kind === "overhead") return attempt === null;
  if (!task) return false;
  const within = (from: number | undefined, to: number | undefined) =>
    from !== undefined && fromUs >= from && toUs <= (to ?? nowUs);
  const { attempts, endedAtUs, queuedAtUs, createdAtUs } = task;
  if (kind === "running") {
    const run = attempts.find(({ number }) => number === attempt);
    return within(run?.leasedAtUs, run?.endedAtUs);
  }
  if (kind === "queued") {
    return within(queuedAtUs, endedAtUs) || attempts.some((each) => within(each.queuedAtUs, each.leasedAtUs));
  }
  if (kind === "backoff") return attempts.some((each) => within(each.endedAtUs, undefined));
  return within(createdAtUs, endedAtUs) && !attempts.some((each) => within(each.leasedAtUs, each.endedAtUs));
}

function bigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
