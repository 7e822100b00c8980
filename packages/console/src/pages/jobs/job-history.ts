import type { JobStateCount } from "@spanloom/protocol";
import { isEnded, jobStateName } from "../../text/job-states.ts";
import type { HistoryBucket } from "../../widgets/history-chart.tsx";

const BUCKETS = 30;

/** Widths that people count in. */
const widthsMs = [30_000, 60_000, 120_000, 300_000, 720_000, 1_800_000, 2_880_000, 10_800_000, 20_160_000, 86_400_000];

/** Width of buckets over a period: about thirty of them. */
export function bucketMs(periodMs: number): number {
  return widthsMs.find((width) => width * BUCKETS >= periodMs) ?? periodMs / BUCKETS;
}

/** Counts jobs submitted between two times. */
export type CountBetween = (fromMs: number, toMs: number, signal: AbortSignal) => Promise<readonly JobStateCount[]>;

/**
 * Jobs over time, by the state they are in now.
 *
 * Buckets lie at multiples of their width, so that the counts of one whose jobs have all ended are kept and not asked for
 * again, but every so often: a job that ended may be retried.
 */
export class JobHistory {
  readonly #count: CountBetween;
  readonly #known = new Map<number, { bucket: HistoryBucket; round: number }>();
  #widthMs = 0;
  #round = 0;

  constructor(count: CountBetween) {
    this.#count = count;
  }

  async load(periodMs: number, nowMs: number, signal: AbortSignal): Promise<HistoryBucket[]> {
    const widthMs = bucketMs(periodMs);
    if (widthMs !== this.#widthMs) this.#known.clear();
    this.#widthMs = widthMs;
    this.#round++;
    const last = Math.floor(nowMs / widthMs) * widthMs;
    const starts = Array.from({ length: BUCKETS }, (_, at) => last - (BUCKETS - 1 - at) * widthMs);
    for (const start of this.#known.keys()) if (start < starts[0]!) this.#known.delete(start);
    return Promise.all(starts.map((start) => this.#bucket(start, nowMs, signal)));
  }

  async #bucket(fromMs: number, nowMs: number, signal: AbortSignal): Promise<HistoryBucket> {
    const toMs = fromMs + this.#widthMs;
    const known = this.#known.get(fromMs);
    if (known && this.#round - known.round < KEEP_ROUNDS) return known.bucket;
    const counted = await this.#count(fromMs, toMs, signal);
    const counts = Object.fromEntries(counted.map(({ state, count }) => [jobStateName(state), Number(count)]));
    const bucket = { fromMs, toMs, counts };
    const settled = toMs < nowMs && counted.every(({ state }) => isEnded(state));
    // Not all in the same round, so that they are not all asked for again in the same round.
    if (settled) this.#known.set(fromMs, { bucket, round: this.#round - ((fromMs / this.#widthMs) % SPREAD) });
    return bucket;
  }
}

const KEEP_ROUNDS = 60;
const SPREAD = 30;
