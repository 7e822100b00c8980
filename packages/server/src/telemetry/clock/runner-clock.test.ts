import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RunnerClock } from "./runner-clock.ts";

const MS = 1_000;
const SECOND = 1_000 * MS;
const HOUR = 3_600 * SECOND;
const t0 = Date.UTC(2026, 0, 1) * 1_000;

/** Heartbeats every five seconds from `from` on, of a clock that is `offBy` at a time, each `delayMs` on its way. */
function beats(
  clock: RunnerClock,
  {
    from = 0,
    count = 4,
    offBy,
    delayMs = () => 1,
  }: { from?: number; count?: number; offBy: (s: number) => number; delayMs?: (i: number) => number },
): void {
  for (let i = 0; i < count; i++) {
    const s = from + 5 * i;
    clock.heard(t0 + s * SECOND + offBy(s), t0 + s * SECOND + delayMs(i) * MS);
  }
}

/** What a moment becomes that the runner's clock showed `offBy` wrong. */
function corrected(clock: RunnerClock, s: number, offBy: number, receivedS = s + 1): number {
  const us = t0 + s * SECOND + offBy;
  const { offsetUs, ceilingUs } = clock.stretchOf(us, t0 + receivedS * SECOND);
  return (Math.min(us + offsetUs, ceilingUs) - t0) / SECOND;
}

describe("RunnerClock", () => {
  it("leaves a right clock alone, however late its heartbeats come at times", () => {
    const clock = new RunnerClock();
    beats(clock, { count: 12, offBy: () => 0, delayMs: (i) => (i % 3 === 0 ? 2 : 3_000) });
    beats(clock, { from: 60, offBy: () => 0, delayMs: (i) => 900 - i });
    expect(clock.stretch.offsetUs).toBe(0);
    expect(corrected(clock, 62, 0)).toBe(62);
  });

  it.each([3 * HOUR, -3 * HOUR, 400 * 24 * HOUR, -5 * SECOND])("measures a clock that is %d us off", (off) => {
    const clock = new RunnerClock();
    beats(clock, { offBy: () => off, delayMs: (i) => 40 - 10 * i });
    expect(clock.stretch.offsetUs + off).toBeGreaterThanOrEqual(0);
    expect(clock.stretch.offsetUs + off).toBeLessThanOrEqual(110 * MS);
    expect(corrected(clock, 12, off)).toBeCloseTo(12, 0);
  });

  it("takes the least of several late heartbeats for a clock that is behind", () => {
    const clock = new RunnerClock();
    beats(clock, { count: 5, offBy: () => -HOUR, delayMs: (i) => [2_000, 800, 5, 700, 900][i]! });
    expect(clock.stretch.offsetUs).toBe(HOUR + 5 * MS);
  });

  it("follows a clock that drifts, without putting later moments before earlier ones", () => {
    for (const rate of [0.01, -0.01]) {
      const clock = new RunnerClock();
      const offBy = (s: number) => s * SECOND * rate;
      beats(clock, { count: 240, offBy });
      let last = -1;
      // Moments of the past minutes, in stretches of their own.
      for (let s = 1_000; s < 1_190; s += 0.02) {
        const at = corrected(clock, s, offBy(s), 1_196);
        expect(at).toBeGreaterThanOrEqual(last);
        expect(Math.abs(at - s)).toBeLessThan(1.2);
        last = at;
      }
    }
  });

  it("follows a clock that is set forward or back while it runs", () => {
    for (const jump of [2 * HOUR, -2 * HOUR]) {
      const clock = new RunnerClock();
      const offBy = (s: number) => (s < 12 ? 0 : jump);
      beats(clock, { count: 8, offBy });
      expect(corrected(clock, 8, 0, 9)).toBe(8);
      expect(corrected(clock, 8, 0, 36)).toBeCloseTo(8, 0);
      expect(corrected(clock, 30, jump, 36)).toBeCloseTo(30, 1);
      expect(corrected(clock, 20, jump, 36)).toBeGreaterThanOrEqual(corrected(clock, 9, 0, 36));
    }
  });

  it("says the same of the same time until heartbeats speak clearly against it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -10 * HOUR, max: 10 * HOUR }),
        fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 40 }),
        (off, delays) => {
          const clock = new RunnerClock();
          clock.heard(t0 + off, t0 + delays[0]! * MS);
          const first = corrected(clock, 0, off);
          beats(clock, { from: 5, count: delays.length, offBy: () => off, delayMs: (i) => delays[i]! });
          expect(corrected(clock, 0, off)).toBe(first);
        },
      ),
    );
  });
});
