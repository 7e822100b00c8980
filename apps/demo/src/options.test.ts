import { expect, test } from "vitest";
import { killPlan } from "./kill-plan.ts";
import { parseOptions, UsageError } from "./options.ts";

const defaults = { dir: "/modules", seed: 7 };

test("without options the defaults hold", () => {
  expect(parseOptions([], defaults)).toEqual({
    dir: "/modules",
    out: "demo-out",
    runners: 2,
    kill: false,
    polyglot: false,
    seed: 7,
  });
});

test("every option is taken", () => {
  const args = ["--dir", "d", "--out", "o", "--runners", "4", "--kill", "--seed", "11"];
  expect(parseOptions(args, defaults)).toEqual({
    dir: "d",
    out: "o",
    runners: 4,
    kill: true,
    polyglot: false,
    seed: 11,
  });
});

test("in three languages there is a runner for each", () => {
  expect(parseOptions(["--polyglot"], defaults)).toMatchObject({ polyglot: true, runners: 3, kill: false });
});

test("help is no options at all", () => {
  expect(parseOptions(["--help"], defaults)).toBeNull();
});

test.each([
  [["--nonsense"], "--nonsense"],
  [["stray"], "stray"],
  [["--runners", "0"], 'cannot use --runners "0": it must be a whole number from 1 to 64'],
  [["--runners", "two"], 'cannot use --runners "two"'],
  [["--seed", "1.5"], 'cannot use --seed "1.5"'],
  [["--kill", "--runners", "1"], "cannot use --kill: --runners is 1"],
  [["--polyglot", "--runners", "5"], "cannot use --runners with --polyglot"],
])("%j is refused with a message that names it", (args, message) => {
  expect(() => parseOptions(args, defaults)).toThrow(UsageError);
  expect(() => parseOptions(args, defaults)).toThrow(message);
});

test("a kill plan follows from its seed and names a runner that exists", () => {
  for (let seed = 0; seed < 50; seed++) {
    const plan = killPlan(seed, 3);
    expect(plan).toEqual(killPlan(seed, 3));
    expect([0, 1, 2]).toContain(plan.victim);
    expect(plan.share).toBeGreaterThanOrEqual(0.25);
    expect(plan.share).toBeLessThan(0.75);
  }
});
