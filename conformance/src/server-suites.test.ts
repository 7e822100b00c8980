import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { capturedRun } from "./testing/captured-run.ts";
import { ServerProcess, serverProgram } from "./testing/server-process.ts";

const knownFailures = path.join(import.meta.dirname, "../known-failures/server.yaml");

/** When to give up: a minute is enough where nothing else runs. */
const TIMEOUT_MS = 900_000;

const folder = mkdtempSync(path.join(tmpdir(), "spanloom-conformance-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Makes a token with a scope. */
function tokenFor(scope: string, file: string): string {
  const args = [serverProgram, "token", "create", "--name", scope, "--scope", scope, "--tokens-file", file];
  return execFileSync(process.execPath, args, { encoding: "utf8" }).trim();
}

test(
  "the server of this repository passes every case over every protocol",
  async () => {
    const file = path.join(folder, "tokens");
    const tokens = ["--token", tokenFor("admin", file), "--read-token", tokenFor("read", file)];
    // On a machine with other work no lease is to end that a case does not wait for.
    await using server = await ServerProcess.start("--tokens-file", file, "--default-lease-ms", "120000");
    const args = ["--url", server.url, ...tokens, "--patience", "10", "--known-failures", knownFailures];
    const { code, stdout, stderr } = await capturedRun("server", ...args);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^http:\S+: \d+ cases in \d+ runs: \d+ passed, 0 failed\n$/);
    expect(code).toBe(0);
  },
  TIMEOUT_MS,
);
