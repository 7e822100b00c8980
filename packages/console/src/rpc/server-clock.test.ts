import { describe, expect, it } from "vitest";
import { ServerClock } from "./server-clock.ts";

const at = Date.parse("2026-11-21T20:00:00Z");
const header = (ms: number) => new Date(ms).toUTCString();

describe("the server's clock", () => {
  it("is this browser's as long as no answer denies it", () => {
    const clock = new ServerClock();
    clock.learn(header(at), at + 900, at + 950);
    clock.learn(header(at + 1_000), at + 1_050, at + 1_300);
    expect(clock.offsetMs).toBe(0);
  });

  it("is found within a second or so, however long answers take", () => {
    const clock = new ServerClock();
    const aheadMs = 300_000;
    for (const [fraction, tookMs] of [
      [100, 40],
      [900, 2_000],
      [500, 10],
    ] as const) {
      const sentMs = at + fraction;
      clock.learn(header(sentMs + aheadMs + tookMs / 2), sentMs, sentMs + tookMs);
    }
    expect(Math.abs(clock.offsetMs - aheadMs)).toBeLessThan(1_500);
  });

  it("stays where it is while answers agree with it, so that ages do not jump", () => {
    const clock = new ServerClock();
    clock.learn(header(at - 60_000), at, at + 10);
    const first = clock.offsetMs;
    for (let second = 1; second < 30; second++) {
      const now = at + second * 1_037;
      clock.learn(header(now - 59_500), now, now + 5);
    }
    expect(clock.offsetMs).toBe(first);
  });

  it("is learned anew when one of the clocks was set", () => {
    const clock = new ServerClock();
    clock.learn(header(at + 60_000), at, at + 10);
    clock.learn(header(at + 1_000), at + 1_000, at + 1_010);
    expect(clock.offsetMs).toBe(0);
  });

  it("is not told by an answer without a date", () => {
    const clock = new ServerClock();
    clock.learn(null, at, at);
    clock.learn("soon", at, at);
    expect(clock.offsetMs).toBe(0);
  });
});
