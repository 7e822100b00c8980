import type { Clock } from "./clock.ts";
import type { SelfTracer } from "./self-tracing/self-tracer.ts";
import type { MaintenanceOutcome, Store } from "./store/store.ts";

/**
 * Runs the store's maintenance when something is due, and only then: an idle server has no timer.
 *
 * I1. At most one pass runs at a time.
 * I2. A pass runs no later than the earliest time announced by the store's `due` signal or by the pass before.
 * I3. A failed pass is tried again after a delay; the failure is logged and delays nothing else.
 */
export class Maintenance {
  /** Passes that failed. */
  failures = 0;
  readonly #store: Pick<Store, "maintain" | "on">;
  readonly #clock: Clock;
  readonly #log: (line: string) => void;
  readonly #tracer: SelfTracer | undefined;
  #unsubscribe: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  #dueUs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(store: Pick<Store, "maintain" | "on">, clock: Clock, log: (line: string) => void, tracer?: SelfTracer) {
    this.#store = store;
    this.#tracer = tracer;
    this.#clock = clock;
    this.#log = log;
  }

  /** Listens to the store and runs a first pass, for what became due while no server ran. */
  start(): void {
    if (this.#unsubscribe) return;
    const subscriptions = [
      this.#store.on("due", (atUs) => this.#plan(atUs)),
      this.#store.on("missed", () => this.#plan(this.#clock.nowUs())),
    ];
    this.#unsubscribe = () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    };
    this.#plan(this.#clock.nowUs());
  }

  /** Ends the pass under way and plans no more. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe?.();
    this.#cancelTimer?.();
    await this.#running;
  }

  #plan(atUs: number): void {
    if (this.#stopped || atUs >= this.#dueUs) return;
    this.#dueUs = atUs;
    if (this.#running) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.schedule(() => this.#onTimer(), Math.max(0, (atUs - this.#clock.nowUs()) / 1000));
  }

  #onTimer(): void {
    this.#cancelTimer = undefined;
    const dueUs = this.#dueUs;
    this.#dueUs = Number.POSITIVE_INFINITY;
    // A delay longer than a timer can take ends early: nothing is due yet.
    if (dueUs > this.#clock.nowUs() + TIMER_SLACK_US) this.#plan(dueUs);
    else this.#run();
  }

  #run(): void {
    this.#running = this.#pass().finally(() => {
      this.#running = undefined;
      const nextUs = this.#dueUs;
      this.#dueUs = Number.POSITIVE_INFINITY;
      if (nextUs !== Number.POSITIVE_INFINITY) this.#plan(nextUs);
    });
  }

  async #maintain(): Promise<MaintenanceOutcome> {
    const tracer = this.#tracer;
    if (!tracer) return this.#store.maintain(BATCH);
    const span = tracer.own("scheduler.maintain");
    try {
      const outcome = await tracer.run(span, () => this.#store.maintain(BATCH));
      const { lost, woken, fenced } = outcome;
      span.end({ "spanloom.leases.lost": lost, "spanloom.tasks.woken": woken, "spanloom.attempts.fenced": fenced });
      return outcome;
    } catch (error) {
      span.fail(error);
      span.end();
      throw error;
    }
  }

  async #pass(): Promise<void> {
    try {
      let outcome: MaintenanceOutcome;
      do outcome = await this.#maintain();
      while (!this.#stopped && isFull(outcome));
      if (outcome.nextDueUs !== undefined) this.#plan(outcome.nextDueUs);
    } catch (error) {
      if (this.#stopped) return;
      this.failures++;
      this.#log(
        `maintenance failed, trying again in ${RETRY_MS} ms: ${error instanceof Error ? error.message : error}`,
      );
      this.#plan(this.#clock.nowUs() + RETRY_MS * 1000);
    }
  }
}

/** Most leases, wake-ups and deadlines of one pass, so that a pass never holds the store for long. */
const BATCH = 1_000;
const RETRY_MS = 1_000;
/** Timers fire up to a millisecond early, as they count whole milliseconds. */
const TIMER_SLACK_US = 1_000;

function isFull({ lost, woken, fenced }: MaintenanceOutcome): boolean {
  return lost >= BATCH || woken >= BATCH || fenced >= BATCH;
}
