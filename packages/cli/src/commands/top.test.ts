import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";

const held = Promise.withResolvers<void>();
const hold = task({ name: "hold", run: () => held.promise });
let folder: string;
let server: RunningServer;
let runner: Runner;
let taskId: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-top-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  runner = new Runner({ url: server.url, tasks: [hold], concurrency: 1, prefetch: 0, registerGlobalTracing: false });
  await runner.start();
  using client = new Client({ url: server.url });
  const { id } = await client.jobs.submit(hold);
  await client.jobs.submit(hold);
  await vi.waitFor(async () => expect((await client.jobs.get(id)).state).toBe("RUNNING"), { timeout: 60_000 });
  for await (const found of client.jobs.tasks(id)) taskId = found.id;
});
afterAll(async () => {
  held.resolve();
  await runner?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function top(args: string[], overrides: Parameters<typeof capturedContext>[0] = {}) {
  const context = capturedContext({ env: { SPANLOOM_URL: server.url }, nowMs: Date.now, ...overrides });
  const exitCode = await runCli(["top", ...args], context);
  return { exitCode, out: context.out() };
}

test("with --json each look tells of queues, runners and running tasks", async () => {
  const { exitCode, out } = await top(["--count", "2", "--every", "1ms", "--json"]);
  expect(exitCode).toBe(0);
  const looks = out.trim().split("\n");
  expect(looks).toHaveLength(2);
  expect(JSON.parse(looks[0] ?? "")).toMatchObject({
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    queues: [{ queue: "default", queued: 1, running: 1, runners: 1 }],
    runners: [{ id: runner.id, capacity: 1 }],
    tasks: [{ id: taskId, name: "hold", runnerId: runner.id }],
  });
});

test("without a terminal each look is a line", async () => {
  const { out } = await top(["--count", "1"]);
  expect(out).toMatch(/^\S+Z {2}1 queued {2}1 running {2}1 runners of 1\n$/);
});

test("on a terminal the screen is drawn anew, no wider than it is", async () => {
  const { out } = await top(["--count", "1"], { isTTY: true });
  expect(out.startsWith("\u001b[H")).toBe(true);
  expect(out.endsWith("\u001b[J")).toBe(true);
  expect(out).toMatch(/QUEUE[\s\S]*default[\s\S]*RUNNER[\s\S]*TASK[\s\S]*hold/);
  for (const line of stripVTControlCharacters(out).split("\n")) expect(line.length).toBeLessThanOrEqual(100);
});

test("--once shows all of it anywhere, running tasks in the order that is asked for", async () => {
  const { exitCode, out } = await top(["--once", "--sort", "name"]);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^\S+Z {2}1 queued[\s\S]*QUEUE[\s\S]*default[\s\S]*RUNNER[\s\S]*TASK +NAME +FOR +RUNNER/);
  expect(out).toContain(taskId);
  expect(out).not.toContain("\u001b");
  expect((await top(["--once", "--count", "3"])).exitCode).toBe(2);
  expect((await top(["--sort", "size"])).exitCode).toBe(2);
});

test("Ctrl-C ends it well", async () => {
  const stop = new AbortController();
  const context = capturedContext({ env: { SPANLOOM_URL: server.url }, nowMs: Date.now, signal: stop.signal });
  const ended = runCli(["top", "--every", "1h"], context);
  await vi.waitFor(() => expect(context.out()).toContain("queued"), { timeout: 60_000 });
  stop.abort(new Error("cannot finish: SIGINT came"));
  expect(await ended).toBe(0);
});
