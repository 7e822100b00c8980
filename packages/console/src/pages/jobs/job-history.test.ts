import { create } from "@bufbuild/protobuf";
import { JobState, JobStateCountSchema } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { bucketMs, type CountBetween, JobHistory } from "./job-history.ts";

const HOUR = 3_600_000;
const NOW = 1_000 * 24 * HOUR + 90_000;
const never = new AbortController().signal;

/** A server whose bucket at `openMs` has a running job, and whose others have one that succeeded. */
function historyOf(openMs: number) {
  const asked: number[] = [];
  const count: CountBetween = async (fromMs, toMs) => {
    asked.push(fromMs);
    const state = fromMs <= openMs && openMs < toMs ? JobState.RUNNING : JobState.SUCCEEDED;
    return [create(JobStateCountSchema, { state, count: 1n })];
  };
  return { history: new JobHistory(count, async () => true), asked };
}

describe("jobs over time", () => {
  it("lie in buckets from where the period begins to the one of now", async () => {
    const { history } = historyOf(0);
    const buckets = await history.load(HOUR, NOW, never);
    expect([buckets.length, buckets[0]?.fromMs]).toEqual([31, NOW - HOUR]);
    expect(
      buckets.every(({ fromMs, toMs }, at) => at === 0 || (fromMs === buckets[at - 1]?.toMs && toMs > fromMs)),
    ).toBe(true);
    const last = buckets.at(-1)!;
    expect(last.fromMs <= NOW && NOW < last.toMs).toBe(true);
    expect(last.counts).toEqual({ succeeded: 1 });
  });

  it("are asked for again only where something may change", async () => {
    const open = NOW - 20 * 120_000;
    const { history, asked } = historyOf(open);
    await history.load(HOUR, NOW, never);
    expect(asked).toHaveLength(31);
    asked.length = 0;
    const buckets = await history.load(HOUR, NOW, never);
    const [openBucket, last] = [Math.floor(open / 120_000) * 120_000, Math.floor(NOW / 120_000) * 120_000];
    expect(asked).toEqual([NOW - HOUR, openBucket, last]);
    expect(buckets.find(({ fromMs }) => fromMs === openBucket)?.counts).toEqual({ running: 1 });
  });

  it("are asked for again after a while wherever they are, as jobs may be retried, and not all at once", async () => {
    const { history, asked } = historyOf(0);
    const sizes: number[] = [];
    const seen = new Set<number>();
    for (let round = 0; round < 60; round++) {
      asked.length = 0;
      await history.load(HOUR, NOW, never);
      if (round > 0) for (const fromMs of asked) seen.add(fromMs);
      sizes.push(asked.length);
    }
    expect(seen.size).toBeGreaterThan(25);
    expect(Math.max(...sizes.slice(1))).toBeLessThan(5);
  });

  it("of another period are counted anew", async () => {
    const { history, asked } = historyOf(0);
    await history.load(HOUR, NOW, never);
    asked.length = 0;
    await history.load(24 * HOUR, NOW, never);
    expect(asked).toHaveLength(31);
  });

  it.each([
    [5 * 60_000, 31, 900_000],
    [50 * 60_000, 31, HOUR],
    [3 * HOUR, 31, 6 * HOUR],
    [20 * HOUR, 31, 24 * HOUR],
    [40 * HOUR, 31, 900_000],
  ])(
    "of no period are of the shortest that has all of the last day: with one %d ms ago",
    async (agoMs, length, periodMs) => {
      const isIn = (fromMs: number, toMs: number) => fromMs <= NOW - agoMs && NOW - agoMs < toMs;
      const one = create(JobStateCountSchema, { state: JobState.FAILED, count: 1n });
      const history = new JobHistory(
        async (fromMs, toMs) => (isIn(fromMs, toMs) ? [one] : []),
        async (fromMs, toMs) => isIn(fromMs, toMs),
      );
      const buckets = await history.load(undefined, NOW, never);
      expect([buckets.length, buckets[0]?.fromMs]).toEqual([length, NOW - periodMs]);
      const failed = buckets.reduce((sum, { counts }) => sum + (counts.failed ?? 0), 0);
      expect(failed).toBe(agoMs <= periodMs ? 1 : 0);
    },
  );

  it("have buckets of widths that people count in", () => {
    expect([900_000, HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR].map(bucketMs)).toEqual([
      30_000, 120_000, 720_000, 2_880_000, 20_160_000, 86_400_000,
    ]);
    expect(bucketMs(90 * 24 * HOUR)).toBe(3 * 24 * HOUR);
  });
});
