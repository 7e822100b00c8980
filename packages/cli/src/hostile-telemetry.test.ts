import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCli } from "./run-cli.ts";
import { hostile } from "./testing/canned-answers.ts";
import { capturedContext } from "./testing/captured-context.ts";
import { holdHarmless } from "./testing/hold-harmless.ts";

const steer = task({
  name: `task ${hostile}`,
  run(_: undefined, ctx): void {
    ctx.log.error(`log ${hostile}\nsecond line`, { [hostile]: hostile });
    ctx.span(`span ${hostile}`, (span) => span.setAttribute(hostile, hostile));
    throw new RangeError(`error ${hostile}`);
  },
});

let folder: string;
let server: RunningServer;
let runner: Runner;
const jobs: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-hostile-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  runner = new Runner({ url: server.url, tasks: [steer], registerGlobalTracing: false });
  await runner.start();
  using client = new Client({ url: server.url });
  for (let i = 0; i < 2; i++) {
    const { id } = await client.jobs.submit(steer, undefined, { tags: { note: hostile } });
    await client.jobs.wait(id);
    jobs.push(id);
  }
  await vi.waitFor(async () => expect((await run(["logs", jobs[1]!])).out).toContain("log evil"), { timeout: 60_000 });
});
afterAll(async () => {
  await runner?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run(args: string[], terminal: { isTTY?: boolean; columns?: number } = {}) {
  const context = capturedContext({ env: { SPANLOOM_URL: server.url }, nowMs: Date.now, ...terminal });
  const exitCode = await runCli(args, context);
  return { exitCode, out: context.out(), err: context.err() };
}

test.each([
  ["spans", "JOB"],
  ["spans", "JOB", "--format", "tree"],
  ["spans", "JOB", "--format", "summary"],
  ["spans", "JOB", "--format", "table"],
  ["spans", "JOB", "--format", "csv"],
  ["spans", "JOB", "--format", "jsonl"],
  ["spans", "JOB", "--format", "otlp.json"],
  ["spans", "JOB", "--json"],
  ["spans", "JOB", "--follow"],
  ["spans", "JOB", "--columns", "name,status_message,attributes"],
  ["spans", "--text", hostile],
  ["logs", "JOB"],
  ["logs", "JOB", "--json"],
  ["logs", "JOB", "--follow"],
  ["logs", "JOB", "--columns", "body,attributes"],
  ["critical-path", "JOB", "--spans"],
  ["critical-path", "JOB", "--spans", "--json"],
  ["compare", "JOB", "OTHER"],
  ["compare", "JOB", "OTHER", "--json"],
  ["job", "get", "JOB", "--tasks"],
  ["job", "get", "JOB", "--json"],
  ["job", "list"],
  ["job", "wait", "JOB"],
  ["job", "watch", "JOB"],
  ["runner", "list"],
  ["top", "--count", "1"],
])("%j shows names, messages and attributes that steer a terminal as text", async (...given) => {
  const args = given.map((arg) => ({ JOB: jobs[0]!, OTHER: jobs[1]! })[arg] ?? arg);
  for (const columns of [40, 80, 200]) {
    const { out, err } = await run(args, { isTTY: true, columns });
    holdHarmless(out, true);
    holdHarmless(err, true);
  }
});

test("into files and pipes they go as they are", async () => {
  const { out } = await run(["spans", jobs[0]!, "--format", "csv"]);
  expect(out).toContain(`span ${hostile}`);
  const lines = (await run(["logs", jobs[0]!, "--json"])).out.trim().split("\n");
  expect((JSON.parse(lines[0]!) as { body: string }).body).toContain(hostile);
});
