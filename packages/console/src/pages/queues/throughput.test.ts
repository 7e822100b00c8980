import { describe, expect, it } from "vitest";
import { type AttemptCount, BUCKET_MS, perMinute, rateText, throughputBuckets } from "./throughput.ts";

const now = Date.parse("2026-11-21T20:10:30Z");
const minute = Math.floor(now / BUCKET_MS) * BUCKET_MS;

function counted(minutesAgo: number, outcome: string, count: number, queue = "default"): AttemptCount {
  return { fromMs: minute - minutesAgo * BUCKET_MS, queue, outcome, count };
}

describe("throughput", () => {
  it("is drawn for half an hour up to this minute, an attempt in the colour of its end", () => {
    const counts = [
      counted(0, "", 2),
      counted(29, "success", 5),
      counted(29, "success", 1, "bulk"),
      counted(1, "timeout", 1),
      counted(1, "lost", 2),
      counted(1, "released", 4),
    ];
    const buckets = throughputBuckets(counts, now);
    expect([buckets.length, buckets[0]?.fromMs, buckets.at(-1)?.toMs]).toEqual([
      30,
      minute - 29 * 60_000,
      minute + 60_000,
    ]);
    expect(buckets[0]?.counts).toEqual({ succeeded: 6 });
    expect(buckets[28]?.counts).toEqual({ failed: 3, cancelled: 4 });
    expect(buckets[29]?.counts).toEqual({ running: 2 });
  });

  it("leaves out what is older, and what is not yet", () => {
    const buckets = throughputBuckets([counted(30, "success", 1), counted(-1, "success", 1)], now);
    expect(buckets.every(({ counts }) => Object.keys(counts).length === 0)).toBe(true);
  });

  it("as a rate is that of the last five whole minutes, of a queue or of all", () => {
    const counts = [
      counted(0, "success", 99),
      counted(1, "success", 10),
      counted(5, "failure", 5, "bulk"),
      counted(6, "success", 99),
    ];
    expect([perMinute(counts, now), perMinute(counts, now, "bulk"), perMinute([], now)]).toEqual([3, 1, 0]);
  });

  it("reads with as many digits as tell something", () => {
    expect([0, 0.04, 0.2, 9.96, 12.4, 12_345].map(rateText)).toEqual(["0", "<0.1", "0.2", "10", "12", "12,345"]);
  });
});
