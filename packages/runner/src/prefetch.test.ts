import { describe, expect, it } from "vitest";
import { Prefetch } from "./prefetch.ts";

describe("prefetch", () => {
  it("is nothing until it is known how long attempts take", () => {
    expect(new Prefetch(1_000, 10).allowed).toBe(0);
  });

  it("is large for tiny tasks and nothing for long ones", () => {
    const prefetch = new Prefetch(1_000, 10);
    prefetch.note(0.01);
    expect(prefetch.allowed).toBe(1_000);
    for (let i = 0; i < 30; i++) prefetch.note(500);
    expect(prefetch.allowed).toBe(0);
  });

  it("forgets one long attempt among tiny ones slowly, and returns", () => {
    const prefetch = new Prefetch(1_000, 10);
    prefetch.note(0.01);
    prefetch.note(1_000);
    expect(prefetch.allowed).toBe(0);
    for (let i = 0; i < 200; i++) prefetch.note(0.01);
    expect(prefetch.allowed).toBe(1_000);
  });
});
