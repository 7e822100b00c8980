import type { Clock } from "../../clock.ts";

/** A clock that a test moves by hand; timers fire in the order of their times. */
export class ManualClock implements Clock {
  #nowUs = 1_700_000_000_000_000;
  readonly #timers = new Set<{ atUs: number; callback: () => void }>();

  nowUs(): number {
    return this.#nowUs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { atUs: this.#nowUs + delayMs * 1000, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves the time on and fires what is due. */
  advance(ms: number): void {
    const untilUs = this.#nowUs + ms * 1000;
    for (;;) {
      const due = [...this.#timers].filter(({ atUs }) => atUs <= untilUs).sort((a, b) => a.atUs - b.atUs)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#nowUs = due.atUs;
      due.callback();
    }
    this.#nowUs = untilUs;
  }
}
