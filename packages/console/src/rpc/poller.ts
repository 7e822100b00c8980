import { backoffMs } from "./backoff.ts";

/** Calls back after a time; the answer takes it back. */
export type Schedule = (callback: () => void, delayMs: number) => () => void;

/** What is asked for again and again, and who is told. */
export interface PollerOptions<T> {
  load: (signal: AbortSignal) => Promise<T>;
  everyMs: number;
  onValue: (value: T) => void;
  onError: (error: unknown) => void;
  schedule: Schedule;
  random: () => number;
  nowMs: () => number;
}

/**
 * How many times as long as its answer took a question rests at least. Counting a million jobs under a condition takes a
 * server 0.3 s, which does nothing else meanwhile: the open pages of a few must not be what it works for.
 */
const REST = 10;
/** Longest rest for that reason. */
const MOST_REST_MS = 60_000;

/**
 * Asks for something at an interval, later and later while it fails.
 *
 * I1. One question is under way at a time.
 * I2. After `stop` nobody is told anything.
 * I3. Of its time at most a tenth goes into questions, where they take long, down to one a minute.
 * I4. While nobody looks (`pause`) nothing is asked; `resume` asks at once.
 */
export class Poller<T> {
  readonly #options: PollerOptions<T>;
  #failures = 0;
  #paused = false;
  #stopped = false;
  #asking: AbortController | undefined;
  #cancel: () => void = () => {};

  constructor(options: PollerOptions<T>) {
    this.#options = options;
  }

  start(): void {
    void this.#ask();
  }

  /** Asks now, also when a question is under way: what it answers may be older than what the caller did. */
  refresh(): void {
    if (this.#stopped) return;
    this.#cancel();
    this.#asking?.abort();
    this.#asking = undefined;
    void this.#ask();
  }

  /** Asks now if the last question failed and the next one waits; for when there is reason to think it would not fail. */
  hurry(): void {
    if (this.#failures > 0 && !this.#asking && !this.#paused) this.refresh();
  }

  pause(): void {
    this.#paused = true;
    this.#cancel();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#asking) this.refresh();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#asking?.abort();
  }

  async #ask(): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    const { load, everyMs, onValue, onError, random, nowMs } = this.#options;
    const askedMs = nowMs();
    let delayMs = everyMs;
    try {
      const value = await load(asking.signal);
      if (this.#asking !== asking || this.#stopped) return;
      this.#failures = 0;
      delayMs = Math.max(everyMs, Math.min(MOST_REST_MS, REST * (nowMs() - askedMs)));
      onValue(value);
    } catch (error) {
      if (this.#asking !== asking || this.#stopped) return;
      delayMs = backoffMs(++this.#failures, random);
      onError(error);
    }
    this.#asking = undefined;
    if (!this.#paused) this.#cancel = this.#options.schedule(() => void this.#ask(), delayMs);
  }
}
