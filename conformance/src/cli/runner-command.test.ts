import { expect, test } from "vitest";
import { capturedRun } from "../testing/captured-run.ts";

test("a runner without a command is a mistake in how the program was called", async () => {
  expect(await capturedRun("runner")).toMatchObject({
    code: 2,
    stderr: "cannot test a runner: name its command after --\n",
  });
  const { code, stderr } = await capturedRun("runner", "--processes", "none", "--", "runner");
  expect([code, stderr]).toEqual([2, 'cannot use --processes "none": a whole number of at least 1\n']);
});

test("a command that ends at once fails its cases with how it ended and what it printed", async () => {
  const command = [process.execPath, "-e", "console.error('cannot find tasks'); process.exitCode = 3"];
  const { code, stdout } = await capturedRun("runner", "--case", "An output is what", "--", ...command);
  expect(code).toBe(1);
  expect(stdout).toContain("expected the runner to go on, came");
  expect(stdout).toContain('{"code":3,"signal":null,"output":"cannot find tasks\\n"}');
});

test("a command that cannot be started fails its cases with the reason", async () => {
  const { code, stdout } = await capturedRun("runner", "--case", "An output is what", "--", "/no/such/runner");
  expect(code).toBe(1);
  expect(stdout).toContain("ENOENT");
});
