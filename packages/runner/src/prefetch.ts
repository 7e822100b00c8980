/**
 * Decides how many tasks to hold beyond those that run.
 *
 * Holding more keeps the pipe full when tasks take microseconds; it would let tasks wait here, while another runner is
 * free, when they take long. So what is held may be at most {@link PREFETCH_MS} of work.
 */
export class Prefetch {
  readonly #max: number;
  readonly #concurrency: number;
  #averageMs = Number.POSITIVE_INFINITY;

  constructor(max: number, concurrency: number) {
    this.#max = max;
    this.#concurrency = concurrency;
  }

  /** Takes note of how long an attempt took. */
  note(durationMs: number): void {
    if (this.#averageMs === Number.POSITIVE_INFINITY) this.#averageMs = durationMs;
    else this.#averageMs += (durationMs - this.#averageMs) * WEIGHT;
  }

  /** Tasks to hold beyond those that run; 0 until a first attempt has ended. */
  get allowed(): number {
    if (this.#averageMs === Number.POSITIVE_INFINITY) return 0;
    return Math.min(this.#max, Math.floor((this.#concurrency * PREFETCH_MS) / Math.max(this.#averageMs, 0.001)));
  }
}

/** A few round trips on loopback; less than a person or a pipeline step would notice on a slower network. */
const PREFETCH_MS = 5;

/** Weight of the newest duration: one long attempt among tiny ones changes little, a dozen change all. */
const WEIGHT = 1 / 16;
