import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it.each(["1.1", "2"])("a process that closes what it used exits by itself, over HTTP/%s", async (httpVersion) => {
  const program = join(import.meta.dirname, "testing/close-all-program.ts");
  const run = promisify(execFile)(process.execPath, [program, httpVersion], { timeout: 120_000 });
  expect(JSON.parse((await run).stdout)).toEqual({ last: "SUCCEEDED", output: 2, spans: 4 });
});

it("a CommonJS application runs a server and a runner, and its spans nest below its tasks", async () => {
  const program = join(import.meta.dirname, "testdata/commonjs-application.cjs");
  const run = promisify(execFile)(process.execPath, [program], { timeout: 120_000 });
  expect((await run).stdout.trim()).toBe("ok");
});
