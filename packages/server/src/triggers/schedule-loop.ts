import type { Limits } from "@spanloom/protocol";
import { type Clock, pause, restAfter } from "../clock.ts";
import { batchesByWeight } from "../engine/trigger/firing-batches.ts";
import type { SelfTracer } from "../self-tracing/self-tracer.ts";
import type { Store } from "../store/store.ts";
import type { DefinitionRecord, TriggerStore } from "../store/trigger-store.ts";
import { DecodedSchedules } from "./decoded-schedules.ts";
import { type PlannedSchedule, planSchedule } from "./plan-schedule.ts";
import type { TriggerStats } from "./trigger-stats.ts";

/** What the loop of schedules needs. */
export interface ScheduleLoopOptions {
  triggers: TriggerStore;
  store: Pick<Store, "on">;
  clock: Clock;
  /** Time of day in microseconds, which schedules follow: it may be set, forward and back. */
  wallNowUs: () => number;
  /** How long the thread has been at work, in microseconds: rests go by it, as waiting for a database keeps nobody up. */
  busyUs: () => number;
  limits: Limits;
  stats: TriggerStats;
  random: () => number;
  log: (line: string) => void;
  tracer?: SelfTracer | undefined;
}

/**
 * Fires schedules when their times come, and does nothing before: without a schedule there is no timer.
 *
 * I1. At most one pass runs at a time; it ends when nothing is due.
 * I2. A pass begins no later than the earliest time that the store announced or the pass before found, by the time of day:
 *     when that is set forward, within {@link LOOK_MS}; when it is set back, a pass begins when it has come there again.
 * I3. Each time fires once: the store moves a schedule on only from where it was planned. A schedule that another server
 *     was first to fire is looked at anew.
 * I4. Others are let in after every transaction, and while plans are made.
 * I5. A failed pass is tried again after a delay; what fails of one schedule is recorded with it, and holds up no other.
 */
export class ScheduleLoop {
  readonly #options: ScheduleLoopOptions;
  readonly #decoded: DecodedSchedules;
  #subscriptions: (() => void)[] = [];
  #cancelTimer: (() => void) | undefined;
  #dueUs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(options: ScheduleLoopOptions) {
    this.#options = options;
    this.#decoded = new DecodedSchedules(options.limits);
  }

  /** Listens to the store and runs a first pass, for what became due while no server ran. Safe to call twice. */
  start(): void {
    if (this.#subscriptions.length > 0) return;
    const { triggers, store, wallNowUs } = this.#options;
    this.#subscriptions = [
      triggers.onNews(({ scheduleDueUs }) => {
        if (scheduleDueUs !== undefined) this.#plan(scheduleDueUs);
      }),
      store.on("missed", () => this.#plan(wallNowUs())),
    ];
    this.#plan(wallNowUs());
  }

  /** Ends the pass under way after its transaction, and plans no more. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    this.#cancelTimer?.();
    await this.#running;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #plan(atUs: number): void {
    if (this.#stopped || atUs >= this.#dueUs) return;
    this.#dueUs = atUs;
    if (!this.#running) this.#setTimer();
  }

  #setTimer(): void {
    const { clock, wallNowUs } = this.#options;
    this.#cancelTimer?.();
    const leftMs = Math.ceil((this.#dueUs - wallNowUs()) / 1000);
    this.#cancelTimer = clock.schedule(() => this.#onTimer(), Math.min(Math.max(leftMs, 0), LOOK_MS));
  }

  #onTimer(): void {
    this.#cancelTimer = undefined;
    if (this.#dueUs > this.#options.wallNowUs()) {
      this.#setTimer();
      return;
    }
    this.#dueUs = Number.POSITIVE_INFINITY;
    this.#running = this.#pass().finally(() => {
      this.#running = undefined;
      if (this.#dueUs !== Number.POSITIVE_INFINITY && !this.#stopped) this.#setTimer();
    });
  }

  async #pass(): Promise<void> {
    const { triggers, stats, log, wallNowUs } = this.#options;
    try {
      while (!this.#stopped && (await this.#fireDue()));
      const nextUs = this.#stopped ? undefined : await triggers.nextScheduleUs();
      if (nextUs !== undefined) this.#plan(nextUs);
    } catch (error) {
      if (this.#stopped) return;
      stats.failures++;
      const why = error instanceof Error ? error.message : error;
      log(`firing schedules failed, trying again in ${RETRY_MS} ms: ${why}`);
      this.#plan(wallNowUs() + RETRY_MS * 1000);
    }
  }

  /** Fires some of the schedules that are due; false when there are none. */
  async #fireDue(): Promise<boolean> {
    const { triggers, clock, wallNowUs, busyUs, random } = this.#options;
    const { signal } = this.#stopping;
    const due = await triggers.dueSchedules(wallNowUs(), READ_LIMIT);
    for (const records of inParts(due, PLANS_PER_TURN)) {
      const planned = records.map((record) => this.#planOf(record));
      for (const batch of batchesByWeight(planned, ({ weight }) => weight)) {
        if (this.#stopped) return false;
        const beganUs = busyUs();
        const moved = await this.#fire(batch);
        if (moved > 0) {
          const isLate = wallNowUs() - Math.min(...batch.flatMap(({ fireAtUs }) => fireAtUs)) > LATE_US;
          await restAfter((busyUs() - beganUs) * (isLate ? 1 : REST_IN_TIME), clock, signal);
          continue;
        }
        // Another server is at work on the same: it is left to it, unless it ends.
        await pause(random() * LOST_MS, clock, signal);
        return true;
      }
    }
    return due.length > 0;
  }

  #planOf(record: DefinitionRecord): PlannedSchedule {
    const { clock, wallNowUs } = this.#options;
    return planSchedule(record, this.#decoded.get(record), { wallUs: wallNowUs(), nowUs: clock.nowUs() });
  }

  /** Fires a batch in one transaction; how many schedules were moved on by it. */
  async #fire(batch: readonly PlannedSchedule[]): Promise<number> {
    const fired = await this.#traced(batch, () => this.#options.triggers.fire(batch));
    const wallUs = this.#options.wallNowUs();
    const { stats } = this.#options;
    let moved = 0;
    batch.forEach(({ fireAtUs }, i) => {
      const firings = fired[i];
      if (!firings) return;
      moved++;
      for (const { outcome, count } of firings) stats.scheduleFirings[outcome] += count;
      for (const atUs of fireAtUs) stats.scheduleDelay.record(Math.max(0, wallUs - atUs) / 1e6);
    });
    return moved;
  }

  async #traced<T>(batch: readonly PlannedSchedule[], work: () => Promise<T>): Promise<T> {
    const { tracer } = this.#options;
    if (!tracer) return work();
    const span = tracer.own("scheduler.fire", { "spanloom.schedules": batch.length });
    try {
      return await tracer.run(span, work);
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }
}

/** The time of day may be set meanwhile: it is looked at so often while something is due later. */
const LOOK_MS = 30_000;
const RETRY_MS = 1_000;
/** Schedules read at once, of up to a mebibyte each. */
const READ_LIMIT = 100;
/** Plans made before others are let in: some 50 to 100 microseconds each the first time, a tenth of that later. */
const PLANS_PER_TURN = 25;
/**
 * Rests are so many times as long as the work of a transaction while what is fired is not late, and as long after.
 *
 * Of 10,000 schedules due at once on SQLite and two cores, leases of tasks took 9 to 11 ms at the 99th percentile, against
 * 4 to 5 before, and all was fired within 4 s. With batches of 50 and rests of 1 that was 13 to 17 ms, and 2.4 s; with
 * batches of 12 and rests of 2 it was 8 ms, and 4.6 s. What is left is the commit.
 */
const REST_IN_TIME = 2;
const LATE_US = 3_000_000;
/** How long to wait at most when another server was first to fire a batch. */
const LOST_MS = 100;

function* inParts<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
