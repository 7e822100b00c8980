import { describe, expect, it } from "vitest";
import { bucketsOf, MOST_BUCKETS, stepFor, stepOf, timeSpanOf, wholeOf } from "./time-span.ts";

const now = 1_000_000_000_000;
const none = { period: "", from: "", to: "" };

describe("the time of a view", () => {
  it("is a period up to now, or what is named, and nothing when it is all", () => {
    expect(timeSpanOf({ ...none, period: "1h" }, now)).toEqual({ fromMs: now - 3_600_000, toMs: now + 2_000 });
    expect(timeSpanOf({ period: "1h", from: "5", to: "9" }, now)).toEqual({ fromMs: 5, toMs: 9 });
    expect(timeSpanOf({ ...none, from: "5" }, now)).toEqual({ fromMs: 5, toMs: now });
    expect(timeSpanOf({ ...none, from: "9", to: "5" }, now)).toEqual({ fromMs: 9, toMs: now });
    expect(timeSpanOf({ ...none, period: "all" }, now)).toBeUndefined();
  });
});

describe("buckets of time", () => {
  it("are as narrow as fits, in steps that people count in", () => {
    expect(stepFor({ fromMs: 0, toMs: 3_600_000 }, 60)).toBe(60_000);
    expect(stepFor({ fromMs: 0, toMs: 100 }, 60)).toBe(10);
    expect(stepFor({ fromMs: 0, toMs: 1e13 }, 100)).toBe(1e11);
  });

  it("are those asked for unless there would be too many", () => {
    const hour = { fromMs: 0, toMs: 3_600_000 };
    expect(stepOf({ step: "10s" }, hour)).toBe(10_000);
    expect(stepOf({ step: "1s" }, hour)).toBe(60_000);
    expect(3_600_000 / 10_000).toBeLessThan(MOST_BUCKETS);
  });

  it("cover all of a time, counted from the epoch", () => {
    expect(bucketsOf({ fromMs: 25, toMs: 41 }, 10)).toEqual([20, 30, 40]);
    expect(bucketsOf({ fromMs: 20, toMs: 40 }, 10)).toEqual([20, 30]);
    expect(bucketsOf({ fromMs: 20, toMs: 20 }, 10)).toEqual([20]);
    expect(wholeOf([20, 30, 40], 10)).toEqual({ fromMs: 20, toMs: 50 });
  });
});
