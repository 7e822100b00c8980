import { SpanloomError } from "@spanloom/protocol";
import type { TriggerStore } from "../../store/trigger-store.ts";

/** What is asked how many events wait. */
export interface EventBacklogOptions {
  triggers: Pick<TriggerStore, "eventBacklog">;
  nowUs: () => number;
  /** Most events that wait to be matched; more are refused. */
  maxWaiting?: number;
}

/** Minutes of matching, at some 5,000 a second. */
const MAX_WAITING = 1_000_000;

/** How long a count is believed. */
const BELIEVED_US = 1_000_000;

/** What a refused publisher is asked to wait. */
const RETRY_AFTER_MS = 5_000;

/** Refuses events while too many wait to be matched; the store is asked once in a while, not for every event. */
export class EventBacklog {
  readonly #options: EventBacklogOptions;
  #count = 0;
  #askedAtUs = Number.NEGATIVE_INFINITY;

  constructor(options: EventBacklogOptions) {
    this.#options = options;
  }

  /** Errors: OVERLOADED, with the time to wait. */
  async check(): Promise<void> {
    const { triggers, nowUs, maxWaiting = MAX_WAITING } = this.#options;
    if (Math.abs(nowUs() - this.#askedAtUs) >= BELIEVED_US) {
      // First, so that of many calls at once one asks.
      this.#askedAtUs = nowUs();
      this.#count = (await triggers.eventBacklog()).count;
    }
    if (this.#count <= maxWaiting) return;
    const message = `cannot publish: ${this.#count} events wait to be matched, limit ${maxWaiting}`;
    throw new SpanloomError("OVERLOADED", message, {
      limit: maxWaiting,
      actual: this.#count,
      retryAfterMs: RETRY_AFTER_MS,
    });
  }
}
