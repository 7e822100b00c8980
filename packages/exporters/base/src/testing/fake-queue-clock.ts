import type { QueueClock } from "../queue-clock.ts";

/** A clock of a test: time passes when told to, and timers fire in order. */
export class FakeQueueClock implements QueueClock {
  /** Numbers that `random` gives next; then 0.5. */
  readonly randoms: number[] = [];
  readonly #timers = new Map<number, { atMs: number; callback: () => void }>();
  #nowMs = 1_000;
  #nextId = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const id = this.#nextId++;
    this.#timers.set(id, { atMs: this.#nowMs + delayMs, callback });
    return () => this.#timers.delete(id);
  }

  random(): number {
    return this.randoms.shift() ?? 0.5;
  }

  /** Lets promises that can settle do so. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  }

  /** Moves on, firing timers on the way, each after what the one before it set off. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await this.settle();
    for (let due = this.#next(untilMs); due; due = this.#next(untilMs)) {
      this.#timers.delete(due.id);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.callback();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): { id: number; atMs: number; callback: () => void } | undefined {
    return [...this.#timers]
      .map(([id, timer]) => ({ id, ...timer }))
      .filter(({ atMs }) => atMs <= untilMs)
      .sort((a, b) => a.atMs - b.atMs || a.id - b.id)[0];
  }
}
