import { describe, expect, it } from "vitest";
import { allChecks } from "./all-checks.ts";
import { type Check, formatResults, runChecks } from "./check.ts";

const passing: Check = { name: "good", promise: "nothing is wrong", run: async () => [] };
const failing: Check = { name: "bad", promise: "all is right", run: async () => ["a.ts:1 is wrong"] };
const throwing: Check = {
  name: "broken",
  promise: "it runs",
  run: async () => {
    throw new Error("cannot run: no such tool");
  },
};

describe("runChecks", () => {
  it("answers in order, and takes a check that throws for one that failed", async () => {
    const results = await runChecks([throwing, passing, failing], "/", 2);
    expect(results.map(({ check, problems }) => [check.name, problems])).toEqual([
      ["broken", ["cannot run: no such tool"]],
      ["good", []],
      ["bad", ["a.ts:1 is wrong"]],
    ]);
  });

  it("runs no more at once than it may", async () => {
    let running = 0;
    let most = 0;
    const counting: Check = {
      ...passing,
      async run() {
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
        return [];
      },
    };
    await runChecks([counting, counting, counting, counting, counting], "/", 2);
    expect(most).toBe(2);
  });

  it("prints problems, then a line for each check", async () => {
    const text = formatResults(await runChecks([passing, failing], "/", 1));
    expect(text.replace(/ +\d+\.\d s/g, " 0 s")).toBe(
      "bad: all is right\n  a.ts:1 is wrong\n\nok   good 0 s  nothing is wrong\nFAIL bad 0 s  all is right",
    );
  });
});

it("prints what a check did not look at", async () => {
  const noting: Check = {
    ...passing,
    run: async (_, note) => {
      note?.("skipped: half of it");
      return [];
    },
  };
  expect(formatResults(await runChecks([noting], "/", 1))).toMatch(
    /^ok {3}good .* nothing is wrong\n {5}skipped: half of it$/,
  );
});

describe("allChecks", () => {
  it("have names of their own", () => {
    const names = allChecks.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
