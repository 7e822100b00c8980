import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preciseClock, tieBreaker } from "./clock.ts";

describe("the runner's clock", () => {
  it("has the monotonic clock's resolution", () => {
    let monotonic = 10;
    const now = preciseClock(
      () => 1_700_000_000_000,
      () => monotonic,
    );
    const first = now();
    monotonic += 0.25;
    expect(now() - first).toBe(250);
  });

  it("follows the wall clock when it is set", () => {
    let wall = 1_700_000_000_000;
    const now = preciseClock(
      () => wall,
      () => 10,
    );
    wall += 3_600_000;
    expect(now()).toBe(wall * 1000);
    expect(now()).toBe(wall * 1000);
    wall -= 7_200_000;
    expect(now()).toBe(wall * 1000);
  });

  it("does not go back for a pause between looking at the wall clock and at the monotonic one", () => {
    const clocks = { wall: 1_700_000_000_000, monotonic: 10 };
    let pauseMs = 0;
    const now = preciseClock(
      () => clocks.wall,
      () => {
        clocks.monotonic += pauseMs;
        return clocks.monotonic;
      },
    );
    clocks.monotonic += 0.9;
    const before = now();
    pauseMs = 5;
    expect(now()).toBe(before);
    pauseMs = 0;
    clocks.wall += 11;
    expect(now()).toBe(clocks.wall * 1000);
  });

  it("never goes back while the wall clock does not, however long it pauses and whichever clock is faster", () => {
    const step = fc.record({
      passMs: fc.oneof(fc.double({ min: 0, max: 0.01, noNaN: true }), fc.double({ min: 0, max: 30, noNaN: true })),
      pauseMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 8, noNaN: true })),
      driftMs: fc.double({ min: -0.4, max: 0.4, noNaN: true }),
    });
    const run = fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      let [trueMs, aheadMs, pauseMs] = [1_700_000_000_000, 0, 0];
      const now = preciseClock(
        () => Math.floor(trueMs),
        () => {
          trueMs += pauseMs;
          return trueMs - 1_600_000_000_000 + aheadMs;
        },
      );
      let last = now();
      for (const { passMs, driftMs, ...step } of steps) {
        // The monotonic clock may be slower or faster, but goes on.
        aheadMs += Math.max(driftMs, -passMs);
        trueMs += passMs;
        pauseMs = step.pauseMs;
        const next = now();
        expect(next).toBeGreaterThanOrEqual(last);
        last = next;
      }
    });
    fc.assert(run, { numRuns: 2_000, seed: 1 });
  });
});

describe("what happens at one time", () => {
  it("is a nanosecond apart, until the microsecond is full", () => {
    const tieNs = tieBreaker();
    expect([7, 7, 7, 8, 8, 7].map(tieNs)).toEqual([0, 1, 2, 0, 1, 0]);
    const many = Array.from({ length: 1_200 }, () => tieNs(9));
    expect(many.slice(0, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    expect(new Set(many.slice(999))).toEqual(new Set([999]));
  });
});
