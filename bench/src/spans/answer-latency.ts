import { setTimeout as delay } from "node:timers/promises";

/** Between an answer and the next call. */
const PAUSE_MS = 2;

/** Asks a server for its health over and over, and times the answers. */
export class AnswerLatency {
  readonly #running: Promise<void>;
  #timesMs: number[] = [];
  #stopped = false;

  constructor(url: string) {
    this.#running = this.#run(url);
  }

  /** Milliseconds of each answer since the last time this was asked. */
  take(): number[] {
    const times = this.#timesMs;
    this.#timesMs = [];
    return times;
  }

  /** Ends with the call in flight. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(url: string): Promise<void> {
    while (!this.#stopped) {
      const startedAtMs = performance.now();
      const answer = await fetch(`${url}/healthz`);
      await answer.text();
      this.#timesMs.push(performance.now() - startedAtMs);
      await delay(PAUSE_MS);
    }
  }
}
