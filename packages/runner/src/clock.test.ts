import { describe, expect, it } from "vitest";
import { preciseClock } from "./clock.ts";

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
  });
});
