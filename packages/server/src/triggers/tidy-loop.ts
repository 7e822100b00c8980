import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../clock.ts";
import type { TriggerStore } from "../store/trigger-store.ts";
import type { TriggerStats } from "./trigger-stats.ts";

/** What forgetting needs. */
export interface TidyLoopOptions {
  triggers: Pick<TriggerStore, "tidy">;
  clock: Clock;
  /** How long events are kept. */
  eventRetentionDays: number;
  stats: TriggerStats;
  log: (line: string) => void;
}

/**
 * Forgets events that are old, and firings beyond what their schedules and triggers keep, now and then.
 *
 * I1. At most one pass runs at a time; each is of bounded steps, and others are let in between.
 * I2. A pass that failed is no reason to end: the next one comes.
 */
export class TidyLoop {
  readonly #options: TidyLoopOptions;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: TidyLoopOptions) {
    this.#options = options;
  }

  /** Begins with a first pass. Safe to call twice. */
  start(): void {
    if (!this.#running && !this.#cancelTimer) this.#run();
  }

  /** Ends the pass under way after its step. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  #run(): void {
    this.#running = this.#pass().finally(() => {
      this.#running = undefined;
      if (!this.#stopped) this.#cancelTimer = this.#options.clock.schedule(() => this.#run(), EVERY_MS);
    });
  }

  async #pass(): Promise<void> {
    const { triggers, clock, eventRetentionDays, stats, log } = this.#options;
    const beforeUs = clock.nowUs() - eventRetentionDays * DAY_US;
    try {
      while (!this.#stopped && (await triggers.tidy(beforeUs, STEP)) > 0) await nextTurn();
    } catch (error) {
      stats.failures++;
      log(`forgetting old events and firings failed: ${error instanceof Error ? error.message : error}`);
    }
  }
}

const EVERY_MS = 600_000;
const DAY_US = 86_400_000_000;
/** Rows of each kind that one transaction deletes: some milliseconds. */
const STEP = 1_000;
