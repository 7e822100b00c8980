import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { capturedRun } from "../testing/captured-run.ts";

const suite = `about: one task
cases:
  - name: A task is reported
    proves: ["11.1"]
    steps:
      - offer: { as: a, task: conformance.echo, input: x }
      - result: a
        until: 500ms
`;

const folder = mkdtempSync(path.join(tmpdir(), "spanloom-conformance-"));

beforeAll(() => writeFileSync(path.join(folder, "one.yaml"), suite));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Tests a runner that is a line of JavaScript. */
const run = (code: string, ...args: string[]) =>
  capturedRun("runner", "--suites", folder, ...args, "--", process.execPath, "-e", code);

test("a runner without a command is a mistake in how the program was called", async () => {
  expect(await capturedRun("runner")).toMatchObject({
    code: 2,
    stderr: "cannot test a runner: name its command after --\n",
  });
  const { code, stderr } = await capturedRun("runner", "--processes", "none", "--", "runner");
  expect([code, stderr]).toEqual([2, 'cannot use --processes "none": a whole number of at least 1\n']);
});

test("a command that cannot be started is told at once", async () => {
  const { code, stderr } = await capturedRun("runner", "--", path.join(folder, "no-such-program"));
  expect(stderr).toMatch(/^cannot test \S+no-such-program: it cannot be started: spawn .* ENOENT\n$/);
  expect(code).toBe(2);
});

test("a program that ends without a call is told with what it printed", async () => {
  const { code, stderr } = await run("console.error('no such task'); process.exit(3)");
  expect(stderr).toMatch(/: it ended with code 3 before it called the server, and printed:\nno such task\n$/);
  expect(code).toBe(2);
});

test("a program that calls nobody is told", async () => {
  const { code, stderr } = await run("setInterval(() => {}, 1000)", "--patience", "0.01");
  expect(stderr).toMatch(/: it did not call the server at SPANLOOM_URL within 600 ms\n$/);
  expect(code).toBe(2);
});

test("a case that fails shows what the runner printed meanwhile", async () => {
  const register = `await fetch(process.env.SPANLOOM_URL + "/spanloom.v1.RunnerService/RegisterRunner", {
    method: "POST", headers: { "content-type": "application/json" }, body: "{}" });`;
  const { code, stdout } = await run(`${register} setInterval(() => console.log("what now?"), 20)`);
  expect(stdout).toContain("one.yaml:7 result of a: expected a report within 500 ms, came nothing\n     | what now?\n");
  expect(code).toBe(1);
});
