import path from "node:path";
import { expect, test } from "vitest";
import { capturedRun } from "./testing/captured-run.ts";
import { ServerProcess } from "./testing/server-process.ts";

const knownFailures = path.join(import.meta.dirname, "../known-failures/server.yaml");

test("the server of this repository passes every case over every protocol", async () => {
  await using server = await ServerProcess.start();
  const args = ["--url", server.url, "--patience", "10", "--known-failures", knownFailures];
  const { code, stdout, stderr } = await capturedRun("server", ...args);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^http:\S+: \d+ cases in \d+ runs: \d+ passed, 0 failed\n$/);
  expect(code).toBe(0);
});
