import { periods } from "../../text/periods.ts";
import type { ExploreView } from "./explore-view.ts";

/** A part of time: from its start up to before its end, epoch milliseconds. */
export interface TimeSpan {
  fromMs: number;
  toMs: number;
}

/** The time of a view by now; undefined when it is all there is. What the clocks of others are ahead is seen, too. */
export function timeSpanOf(view: Pick<ExploreView, "period" | "from" | "to">, nowMs: number): TimeSpan | undefined {
  const [from, to] = [Number(view.from), Number(view.to)];
  if (view.from !== "" && Number.isFinite(from)) {
    const end = view.to !== "" && Number.isFinite(to) && to > from ? to : Math.max(nowMs, from + 1_000);
    return { fromMs: from, toMs: end };
  }
  const period = periods.find(({ name }) => name === view.period);
  return period && { fromMs: nowMs - period.ms, toMs: nowMs + AHEAD_MS };
}

const AHEAD_MS = 2_000;

/** What to change in a view so that it shows this time. */
export function timeChange({ fromMs, toMs }: TimeSpan): Pick<ExploreView, "period" | "from" | "to"> {
  return { period: "", from: String(fromMs), to: String(toMs) };
}

/** Widths of a bucket of time that people count in, in milliseconds. */
export const steps: readonly { name: string; ms: number }[] = [
  { name: "10ms", ms: 10 },
  { name: "50ms", ms: 50 },
  { name: "100ms", ms: 100 },
  { name: "500ms", ms: 500 },
  { name: "1s", ms: 1_000 },
  { name: "2s", ms: 2_000 },
  { name: "5s", ms: 5_000 },
  { name: "10s", ms: 10_000 },
  { name: "30s", ms: 30_000 },
  { name: "1m", ms: 60_000 },
  { name: "2m", ms: 120_000 },
  { name: "5m", ms: 300_000 },
  { name: "10m", ms: 600_000 },
  { name: "30m", ms: 1_800_000 },
  { name: "1h", ms: 3_600_000 },
  { name: "2h", ms: 7_200_000 },
  { name: "6h", ms: 21_600_000 },
  { name: "12h", ms: 43_200_000 },
  { name: "1d", ms: 86_400_000 },
  { name: "7d", ms: 604_800_000 },
  { name: "30d", ms: 2_592_000_000 },
];

/** Most buckets that a chart has bars for. */
export const MOST_BUCKETS = 400;

/** The narrowest step that needs at most so many buckets. */
export function stepFor({ fromMs, toMs }: TimeSpan, buckets: number): number {
  const fits = steps.find(({ ms }) => (toMs - fromMs) / ms <= buckets);
  return fits?.ms ?? Math.ceil((toMs - fromMs) / buckets);
}

/** The step a view asks for, unless it would make more buckets than can be drawn; else one that suits the time. */
export function stepOf({ step }: Pick<ExploreView, "step">, span: TimeSpan): number {
  const asked = steps.find(({ name }) => name === step)?.ms;
  return asked !== undefined && (span.toMs - span.fromMs) / asked <= MOST_BUCKETS ? asked : stepFor(span, 75);
}

/** All of the buckets, which may begin before and end after what was asked for. */
export function wholeOf(starts: readonly number[], stepMs: number): TimeSpan {
  const [first = 0, last = first] = [starts[0], starts.at(-1)];
  return { fromMs: first, toMs: last + stepMs };
}

/** Starts of the buckets that a span of time touches; buckets are counted from the epoch. */
export function bucketsOf({ fromMs, toMs }: TimeSpan, stepMs: number): number[] {
  const first = Math.floor(fromMs / stepMs) * stepMs;
  const count = Math.max(1, Math.ceil((toMs - first) / stepMs));
  return Array.from({ length: count }, (_, at) => first + at * stepMs);
}
