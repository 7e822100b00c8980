import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ClockSample, ServerClock, toClockSample } from "./server-clock.ts";

const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;
const EPOCH = Date.UTC(2026, 0, 1) * 1000;

/** A runner whose clock is off by `offUs`, and the ways between it and a server whose clock is right. */
class World {
  trueUs = EPOCH;
  /** What the runner's clock shows beyond the right time. */
  offUs: number;
  readonly #clock: ServerClock;

  constructor(offUs: number, first: Ways = {}) {
    this.offUs = offUs;
    const clocks = { nowUs: () => this.theirs(), monotonicUs: () => this.trueUs - EPOCH };
    this.#clock = new ServerClock(clocks, this.#ask(first));
  }

  theirs(): number {
    return this.trueUs + this.offUs;
  }

  beat(ways: Ways = {}): void {
    this.#clock.heard(this.#ask(ways));
  }

  pass(us: number): void {
    this.trueUs += us;
    this.#clock.tick();
  }

  /** Where a time of the runner's is placed. */
  place(us: number): number {
    return us + this.#clock.offsetAt(us);
  }

  get offsetUs(): number {
    return this.#clock.offsetUs;
  }

  #ask({ thereUs = 500, servedUs = 200, backUs = 500 }: Ways): ClockSample {
    const sentAtUs = this.theirs();
    this.trueUs += thereUs;
    const receivedAtUs = this.trueUs;
    this.trueUs += servedUs;
    const answeredAtUs = this.trueUs;
    this.trueUs += backUs;
    return { sentAtUs, receivedAtUs, answeredAtUs, returnedAtUs: this.theirs() };
  }
}

interface Ways {
  thereUs?: number;
  servedUs?: number;
  backUs?: number;
}

describe("the server's clock, as a runner knows it", () => {
  it.each([0, 1_500, -1_500])("leaves a clock alone that may well be right: off by %d us (I2)", (off) => {
    const world = new World(off);
    for (let i = 0; i < 20; i++) {
      world.pass(5 * SECOND);
      world.beat(i % 2 === 0 ? { thereUs: 40_000 } : { backUs: 700_000 });
    }
    expect(world.offsetUs).toBe(0);
  });

  it.each([3 * HOUR, -3 * HOUR, 40_000, -40_000])(
    "knows by half of a round trip how far a clock is off: %d us",
    (off) => {
      const world = new World(off);
      expect(Math.abs(world.offsetUs + off)).toBeLessThanOrEqual(600);
    },
  );

  it("is known better with each answer that is quicker", () => {
    const world = new World(90_000, { thereUs: 60_000, backUs: 1_000 });
    expect(Math.abs(world.offsetUs + 90_000)).toBeGreaterThan(20_000);
    world.pass(SECOND);
    world.beat();
    expect(Math.abs(world.offsetUs + 90_000)).toBeLessThanOrEqual(2_600);
  });

  it("does not change its mind for slow answers, whichever way was slow", () => {
    const world = new World(-2 * SECOND);
    const { offsetUs } = world;
    for (const slow of [{ thereUs: 3 * SECOND }, { backUs: 3 * SECOND }, { servedUs: 3 * SECOND }]) {
      world.pass(5 * SECOND);
      world.beat(slow);
      expect(world.offsetUs).toBe(offsetUs);
    }
  });

  it("follows a clock that drifts", () => {
    const world = new World(0);
    for (let i = 0; i < 500; i++) {
      world.offUs += 1_000;
      world.pass(5 * SECOND);
      world.beat();
      expect(Math.abs(world.offsetUs + world.offUs)).toBeLessThanOrEqual(3_700);
    }
  });

  it.each([3 * HOUR, -3 * HOUR, 2 * SECOND, -2 * SECOND])(
    "places what came before and after a clock was set by %d us, before the next answer",
    (jump) => {
      const world = new World(0);
      world.pass(10 * SECOND);
      const before = world.theirs();
      world.pass(SECOND);
      world.offUs += jump;
      const after = world.theirs();
      world.pass(400_000);
      expect(world.place(before)).toBe(EPOCH + 10 * SECOND + 1_200);
      expect(world.place(after)).toBeGreaterThanOrEqual(EPOCH + 11 * SECOND + 1_200);
      expect(world.place(after)).toBeLessThanOrEqual(world.trueUs);
      world.pass(SECOND);
      const later = world.theirs();
      world.pass(SECOND);
      expect(world.place(later)).toBe(world.trueUs - SECOND);
    },
  );

  it("places nothing that came later before what came earlier, whatever the clock and the ways do (I1)", () => {
    const step = fc.record({
      jumpUs: fc.constantFrom(0, 0, 0, 0, 3 * HOUR, -3 * HOUR, 20 * SECOND, -20 * SECOND, 400_000, 80_000, -80_000),
      driftUs: fc.integer({ min: -2_000, max: 2_000 }),
      ways: fc.record({
        thereUs: fc.oneof(fc.integer({ min: 100, max: 3_000 }), fc.integer({ min: 0, max: 2 * SECOND })),
        backUs: fc.oneof(fc.integer({ min: 100, max: 3_000 }), fc.integer({ min: 0, max: 2 * SECOND })),
      }),
      isAsked: fc.boolean(),
    });
    const run = fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const world = new World(steps[0]!.jumpUs, steps[0]!.ways);
      let lastUs = Number.NEGATIVE_INFINITY;
      const happen = () => {
        const placed = world.place(world.theirs());
        expect(placed).toBeGreaterThanOrEqual(lastUs);
        lastUs = placed;
        world.trueUs += 7;
      };
      for (const { jumpUs, driftUs, ways, isAsked } of steps) {
        happen();
        if (isAsked) world.beat(ways);
        happen();
        world.offUs += jumpUs + driftUs;
        world.pass(500_000);
        happen();
      }
    });
    fc.assert(run, { numRuns: 1_000, seed: 1 });
  });

  it("is not known from an answer that does not tell", () => {
    expect(toClockSample({ receivedAtUnixNano: 0n, serverTimeUnixNano: 5_000n }, 1, 2)).toBeUndefined();
    expect(toClockSample({ receivedAtUnixNano: 4_000n, serverTimeUnixNano: 5_000n }, 1, 2)).toEqual({
      sentAtUs: 1,
      receivedAtUs: 4,
      answeredAtUs: 5,
      returnedAtUs: 2,
    });
  });
});
