/**
 * How values are spread: a count for each bucket, and their sum.
 *
 * To record is an addition or two and makes no object, so it may be done for each task.
 */
export class Distribution {
  /** Upper bounds of the buckets, ascending. */
  readonly boundaries: readonly number[];
  /** Values of each bucket; the last holds what is above all bounds. */
  readonly counts: number[];
  sum = 0;
  count = 0;
  /** Gets every value recorded, e.g. to give it to an instrument of the application. */
  onRecord: ((value: number) => void) | undefined;

  constructor(boundaries: readonly number[]) {
    this.boundaries = boundaries;
    this.counts = new Array(boundaries.length + 1).fill(0);
  }

  /** Counts a value, `times` times. */
  record(value: number, times = 1): void {
    const { boundaries, counts } = this;
    let at = 0;
    while (at < boundaries.length && value > boundaries[at]!) at++;
    counts[at]! += times;
    this.sum += value * times;
    this.count += times;
    if (this.onRecord) for (let each = 0; each < times; each++) this.onRecord(value);
  }

  /** Adds what another of the same bounds has, and empties it. */
  take(other: Distribution): void {
    if (other.count === 0) return;
    for (let at = 0; at < this.counts.length; at++) {
      this.counts[at]! += other.counts[at]!;
    }
    this.sum += other.sum;
    this.count += other.count;
    other.clear();
  }

  /** Forgets what was recorded. */
  clear(): void {
    if (this.count === 0) return;
    this.counts.fill(0);
    this.sum = this.count = 0;
  }
}

/** Bounds in seconds for what takes from half a millisecond to a minute, as a call does. */
export const callSeconds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Bounds in seconds for what takes from a millisecond to a day, as a task does. */
export const workSeconds: readonly number[] = [
  0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400,
];

/** Bounds for how many came together: powers of two. */
export const batchSizes: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192];
