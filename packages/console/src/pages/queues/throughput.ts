import type { QueryClient } from "@spanloom/query";
import type { RecordBatch } from "apache-arrow";
import type { JobStateName } from "../../text/job-states.ts";
import type { HistoryBucket } from "../../widgets/history-chart.tsx";

/** Attempts that started within one bucket of time, in one queue, that came to one end. */
export interface AttemptCount {
  fromMs: number;
  queue: string;
  /** As in docs/schema.md; empty while it runs. */
  outcome: string;
  count: number;
}

const BUCKETS = 30;
export const BUCKET_MS = 60_000;

/** The colours of how attempts end, which are those of jobs. */
const tones: Readonly<Record<string, JobStateName>> = {
  "": "running",
  success: "succeeded",
  failure: "failed",
  timeout: "failed",
  lost: "failed",
};

/** Counts the attempts of the last half hour, by minute, queue and outcome. */
export async function loadThroughput(
  client: QueryClient,
  nowMs: number,
  signal: AbortSignal,
): Promise<readonly AttemptCount[]> {
  const attempts = client.spans({ type: "attempt", start: { from: new Date(firstBucketMs(nowMs)) } });
  const query = attempts.aggregate({ groupBy: ["queue", "outcome"], measures: ["count"], timeBucketMs: BUCKET_MS });
  const counts: AttemptCount[] = [];
  for await (const batch of query.stream({ signal })) putCounts(counts, batch);
  return counts;
}

function putCounts(counts: AttemptCount[], batch: RecordBatch): void {
  const [times, queues, outcomes, numbers] = ["time_bucket", "queue", "outcome", "count"].map((name) =>
    batch.getChild(name),
  );
  const startNs = times?.data[0]?.values as BigInt64Array;
  for (let at = 0; at < batch.numRows; at++) {
    counts.push({
      fromMs: Number(startNs[at]! / 1_000_000n),
      queue: String(queues?.get(at) ?? ""),
      outcome: String(outcomes?.get(at) ?? ""),
      count: Number(numbers?.get(at) ?? 0),
    });
  }
}

function firstBucketMs(nowMs: number): number {
  return (Math.floor(nowMs / BUCKET_MS) - (BUCKETS - 1)) * BUCKET_MS;
}

/** The counts as bars over the last half hour, all queues together. */
export function throughputBuckets(counts: readonly AttemptCount[], nowMs: number): HistoryBucket[] {
  const first = firstBucketMs(nowMs);
  const buckets = Array.from({ length: BUCKETS }, (_, at): HistoryBucket => {
    const fromMs = first + at * BUCKET_MS;
    return { fromMs, toMs: fromMs + BUCKET_MS, counts: {} };
  });
  for (const { fromMs, outcome, count } of counts) {
    const bucket = buckets[Math.round((fromMs - first) / BUCKET_MS)];
    const tone = tones[outcome] ?? "cancelled";
    if (bucket) bucket.counts[tone] = (bucket.counts[tone] ?? 0) + count;
  }
  return buckets;
}

/** The minutes that a rate is of: enough that it does not jump, few enough that it is of now. */
const RATE_BUCKETS = 5;

/** How many attempts started a minute, over the last whole minutes; of one queue, or of all. */
export function perMinute(counts: readonly AttemptCount[], nowMs: number, queue?: string): number {
  const untilMs = Math.floor(nowMs / BUCKET_MS) * BUCKET_MS;
  const fromMs = untilMs - RATE_BUCKETS * BUCKET_MS;
  const counted = counts.filter(
    (each) => each.fromMs >= fromMs && each.fromMs < untilMs && (queue === undefined || each.queue === queue),
  );
  return counted.reduce((sum, { count }) => sum + count, 0) / RATE_BUCKETS;
}

/** A rate with as many digits as tell something. */
export function rateText(rate: number): string {
  if (rate === 0) return "0";
  if (rate < 0.1) return "<0.1";
  return rate < 10 ? rate.toLocaleString(undefined, { maximumFractionDigits: 1 }) : Math.round(rate).toLocaleString();
}
