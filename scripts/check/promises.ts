import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Check } from "./check.ts";

const promises = ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8"];

/**
 * Holds README.md's table of promises to the tests it names.
 *
 * Each promise has a row; each file that the row links to as its test must mention the promise by its number, so that
 * a reader of the test knows what it guards. A row may instead say in words that it is not tested yet.
 */
export const promisesCheck: Check = {
  name: "promises",
  promise: "README.md names for every promise the tests that prove it, and those name the promise",
  async run(root) {
    const file = path.join(root, "README.md");
    if (!existsSync(file)) return ["README.md is missing"];
    const rows = readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => /^\| \*{0,2}P\d\b/.test(line));
    return promises.flatMap((name) => {
      const row = rows.find((line) => new RegExp(`^\\| \\*{0,2}${name}\\b`).test(line));
      if (row === undefined) return [`README.md has no row for ${name}`];
      const tests = [...row.matchAll(/\]\(([^)]+\.test\.ts)\)/g)].map((match) => match[1]!);
      if (tests.length === 0 && !/not (yet )?tested|not served/i.test(row)) {
        return [`README.md names no test of ${name}, and does not say that there is none`];
      }
      return tests.flatMap((test) => testProblems(root, name, test));
    });
  },
};

function testProblems(root: string, name: string, test: string): string[] {
  const file = path.join(root, test);
  if (!existsSync(file)) return [`README.md names ${test} for ${name}, which does not exist`];
  const mentions = new RegExp(`\\b${name}\\b`).test(readFileSync(file, "utf8"));
  return mentions ? [] : [`README.md names ${test} for ${name}, which does not mention ${name}`];
}
