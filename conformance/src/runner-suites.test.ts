import path from "node:path";
import { expect, test } from "vitest";
import { capturedRun } from "./testing/captured-run.ts";

const knownFailures = path.join(import.meta.dirname, "../known-failures/runner-typescript.yaml");
const program = path.join(import.meta.dirname, "../../packages/runner/src/testing/conformance-program.ts");

test("the runner in TypeScript passes every case", async () => {
  const args = ["--patience", "10", "--known-failures", knownFailures, "--", process.execPath, program];
  const { code, stdout, stderr } = await capturedRun("runner", ...args);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/: \d+ cases in \d+ runs: \d+ passed, 0 failed\n$/);
  expect(code).toBe(0);
});
