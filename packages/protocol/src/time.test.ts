import { create } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { durationFromMs, msFromDuration, timestampFromUs, usFromTimestamp } from "./time.ts";

/** Microseconds from 1815 to 2255: both ends of what the unit represents exactly. */
const exactUs = fc.integer({ min: -(2 ** 52), max: 2 ** 53 - 1 });

describe("time", () => {
  it("keeps absent times absent", () => {
    expect([timestampFromUs(null), timestampFromUs(undefined)]).toEqual([undefined, undefined]);
  });

  it("keeps every microsecond through a timestamp", () => {
    fc.assert(
      fc.property(exactUs, (us) => {
        expect(usFromTimestamp(timestampFromUs(us)!)).toBe(us);
      }),
    );
  });

  it("writes nanos of 0 to 999,999,999 also before the epoch", () => {
    expect(timestampFromUs(-1)).toMatchObject({ seconds: -1n, nanos: 999_999_000 });
    fc.assert(
      fc.property(exactUs, (us) => {
        const { nanos } = timestampFromUs(us)!;
        expect(nanos).toBeGreaterThanOrEqual(0);
        expect(nanos).toBeLessThan(1e9);
      }),
    );
  });

  it("cuts nanoseconds to whole microseconds", () => {
    expect(usFromTimestamp(create(TimestampSchema, { seconds: 1n, nanos: 1999 }))).toBe(1_000_001);
  });

  it("keeps every millisecond through a duration, with one sign for both parts", () => {
    expect(durationFromMs(-1500)).toMatchObject({ seconds: -1n, nanos: -500_000_000 });
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (ms) => {
        expect(msFromDuration(durationFromMs(ms))).toBe(ms);
      }),
    );
  });

  it("keeps fractions of a millisecond", () => {
    expect(msFromDuration(durationFromMs(0.25))).toBe(0.25);
  });
});
