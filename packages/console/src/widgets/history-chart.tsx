import type { JobStateName } from "../text/job-states.ts";
import { exactTime } from "../text/time-text.ts";

/** How many of something, from one bucket of time, are in which state. */
export interface HistoryBucket {
  fromMs: number;
  toMs: number;
  counts: Partial<Record<JobStateName, number>>;
}

/** From the ground up: what went wrong lies lowest, where bars can be compared. */
const order: readonly JobStateName[] = ["failed", "cancelled", "cancelling", "running", "queued", "succeeded"];

const HEIGHT = 56;

/** How many there were over time, as stacked bars; `what` names them. */
export function HistoryChart({ buckets, what }: { buckets: readonly HistoryBucket[]; what: string }) {
  const totals = buckets.map(({ counts }) => order.reduce((sum, name) => sum + (counts[name] ?? 0), 0));
  const most = Math.max(1, ...totals);
  const all = totals.reduce((sum, each) => sum + each, 0);
  const first = buckets[0];
  return (
    <figure className="history">
      <svg
        viewBox={`0 0 ${buckets.length * 10} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${all.toLocaleString()} ${what} over time, at most ${most.toLocaleString()} in one bar`}
      >
        {buckets.map((bucket, at) => (
          <Bar key={bucket.fromMs} bucket={bucket} x={at * 10} most={most} />
        ))}
      </svg>
      <figcaption>
        <span>{first && shortTime(first.fromMs)}</span>
        <span>
          {all.toLocaleString()} {what}
        </span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}

function Bar({ bucket, x, most }: { bucket: HistoryBucket; x: number; most: number }) {
  let top = HEIGHT;
  const parts = order.flatMap((name) => {
    const count = bucket.counts[name] ?? 0;
    if (count === 0) return [];
    // A single job among thousands is seen all the same.
    const height = Math.max(2, (count / most) * (HEIGHT - 2));
    top -= height;
    return [{ name, count, y: Math.max(0, top), height }];
  });
  const figures = parts.map(({ name, count }) => `${count.toLocaleString()} ${name}`).join(", ") || "none";
  return (
    <g>
      <title>{`${exactTime(bucket.fromMs)}: ${figures}`}</title>
      <rect className="history-ground" x={x + 1} y={0} width={8} height={HEIGHT} />
      {parts.map(({ name, y, height }) => (
        <rect key={name} className={`draw-${name}`} x={x + 1} y={y} width={8} height={height} />
      ))}
    </g>
  );
}

function shortTime(ms: number): string {
  return new Date(ms).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}
