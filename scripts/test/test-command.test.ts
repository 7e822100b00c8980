import { spawnSync } from "node:child_process";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { formatCounts, isSuccess } from "./count-reporter.ts";

const script = path.join(import.meta.dirname, "..", "test.ts");

/** Runs `npm test` for one file of testdata; those end in `.sample.ts`, so that the real run passes them by. */
function runSample(name: string): { status: number | null; lastLine: string | undefined } {
  const folder = path.join(import.meta.dirname, "testdata");
  const args = [script, name, "--config", path.join(folder, "vitest.config.ts"), "--dir", folder];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { status, lastLine: stdout.trimEnd().split("\n").at(-1) };
}

describe("npm test", () => {
  it("ends with the counts, alone on the last line", () => {
    expect(runSample("passing")).toEqual({ status: 0, lastLine: "2 passed, 0 failed, 1 skipped" });
  });

  it("fails when a test fails", () => {
    expect(runSample("failing")).toEqual({ status: 1, lastLine: "1 passed, 1 failed" });
  });

  it("fails when a file cannot be loaded, and counts it", () => {
    expect(runSample("broken")).toEqual({ status: 1, lastLine: "0 passed, 1 failed" });
  });

  it("fails when an error happens outside of any test, and counts it", () => {
    expect(runSample("unhandled")).toEqual({ status: 1, lastLine: "1 passed, 1 failed" });
  });

  it("fails when no test runs", () => {
    expect(runSample("nothing-matches")).toEqual({ status: 1, lastLine: "0 passed, 0 failed" });
  });
});

describe("counts", () => {
  it("leave skipped tests out when there are none", () => {
    expect(formatCounts({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
    expect(isSuccess({ passed: 0, failed: 0, skipped: 5 })).toBe(false);
  });
});
