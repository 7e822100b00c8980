import type { JobStateCount } from "@spanloom/protocol";
import { isEnded, jobStateName } from "../../text/job-states.ts";
import type { HistoryBucket } from "../../widgets/history-chart.tsx";

const BUCKETS = 30;
const DAY_MS = 86_400_000;
/** What a chart of no period may be of, besides a day. */
const periodsMs = [900_000, 3_600_000, 21_600_000];

/** Widths that people count in. */
const widthsMs = [30_000, 60_000, 120_000, 300_000, 720_000, 1_800_000, 2_880_000, 10_800_000, 20_160_000, 86_400_000];

/** Width of buckets over a period: about thirty of them. */
export function bucketMs(periodMs: number): number {
  return widthsMs.find((width) => width * BUCKETS >= periodMs) ?? periodMs / BUCKETS;
}

/** Counts jobs submitted between two times. */
export type CountBetween = (fromMs: number, toMs: number, signal: AbortSignal) => Promise<readonly JobStateCount[]>;

/** Whether any job was submitted between two times, which is quicker to tell than how many. */
export type AnyBetween = (fromMs: number, toMs: number, signal: AbortSignal) => Promise<boolean>;

/**
 * Jobs over time, by the state they are in now.
 *
 * Buckets lie at multiples of their width, so that the counts of one whose jobs have all ended are kept and not asked for
 * again, but every so often: a job that ended may be retried. The first begins with the period, in the middle of its
 * width: all together count what the period has, no more and no less.
 */
export class JobHistory {
  readonly #count: CountBetween;
  readonly #isAny: AnyBetween;
  readonly #known = new Map<number, { bucket: HistoryBucket; round: number }>();
  #widthMs = 0;
  #round = 0;

  constructor(count: CountBetween, isAny: AnyBetween) {
    this.#count = count;
    this.#isAny = isAny;
  }

  /** The bars of a period; of none, of the shortest that has all jobs of the last day. */
  async load(periodMs: number | undefined, nowMs: number, signal: AbortSignal): Promise<HistoryBucket[]> {
    const wholeMs = periodMs ?? (await this.#fittingMs(nowMs, signal));
    const widthMs = bucketMs(wholeMs);
    if (widthMs !== this.#widthMs) this.#known.clear();
    this.#widthMs = widthMs;
    this.#round++;
    const beginMs = nowMs - wholeMs;
    const first = Math.floor(beginMs / widthMs) * widthMs;
    const starts = Array.from({ length: Math.floor((nowMs - first) / widthMs) + 1 }, (_, at) => first + at * widthMs);
    for (const start of this.#known.keys()) if (start < beginMs) this.#known.delete(start);
    return Promise.all(
      starts.map((start) => this.#bucket(Math.max(start, beginMs), start + widthMs, { nowMs, signal })),
    );
  }

  async #fittingMs(nowMs: number, signal: AbortSignal): Promise<number> {
    for (const periodMs of periodsMs) {
      if (!(await this.#isAny(nowMs - DAY_MS, nowMs - periodMs, signal))) return periodMs;
    }
    return DAY_MS;
  }

  async #bucket(
    fromMs: number,
    toMs: number,
    { nowMs, signal }: { nowMs: number; signal: AbortSignal },
  ): Promise<HistoryBucket> {
    const known = this.#known.get(fromMs);
    if (known && this.#round - known.round < KEEP_ROUNDS) return known.bucket;
    const counted = await this.#count(fromMs, toMs, signal);
    const counts = Object.fromEntries(counted.map(({ state, count }) => [jobStateName(state), Number(count)]));
    const bucket = { fromMs, toMs, counts };
    const isWhole = toMs - fromMs === this.#widthMs && toMs < nowMs;
    // Not all in the same round, so that they are not all asked for again in the same round.
    if (isWhole && counted.every(({ state }) => isEnded(state)))
      this.#known.set(fromMs, { bucket, round: this.#round - ((fromMs / this.#widthMs) % SPREAD) });
    return bucket;
  }
}

const KEEP_ROUNDS = 60;
const SPREAD = 30;
