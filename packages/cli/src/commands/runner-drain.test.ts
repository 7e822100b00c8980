import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";
import type { RunnerRow } from "./runner-list.ts";

let folder: string;
let server: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-drain-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const contextOf = () => capturedContext({ env: { SPANLOOM_URL: server.url }, nowMs: Date.now });

test("a runner that is drained finishes its task, takes no other and ends, for which --wait waits", async () => {
  const held = Promise.withResolvers<void>();
  const hold = task({ name: "hold", run: () => held.promise });
  const runner = new Runner({ url: server.url, tasks: [hold], registerGlobalTracing: false });
  await runner.start();
  void runner.drained.then(() => runner.stop());
  using client = new Client({ url: server.url });
  const first = await client.jobs.submit(hold);
  await vi.waitFor(async () => expect((await client.jobs.get(first.id)).state).toBe("RUNNING"), { timeout: 60_000 });

  const now = contextOf();
  expect(await runCli(["runner", "drain", runner.id, "--json"], now)).toBe(0);
  expect(JSON.parse(now.out()) as RunnerRow[]).toMatchObject([{ id: runner.id, state: "DRAINING", running: 1 }]);
  const second = await client.jobs.submit(hold);
  const waiting = contextOf();
  const ended = runCli(["runner", "drain", runner.id, "--wait", "--json"], waiting);
  await vi.waitFor(() => expect(waiting.err()).toContain("1 of 1 runners still have 1 tasks"), { timeout: 60_000 });
  held.resolve();
  expect(await ended).toBe(0);
  expect(JSON.parse(waiting.out()) as RunnerRow[]).toMatchObject([{ id: runner.id, state: "STOPPED" }]);
  expect((await client.jobs.get(first.id)).state).toBe("SUCCEEDED");
  expect((await client.jobs.get(second.id)).state).toBe("QUEUED");
});

test("a runner that is not there is told of, with how to find those that are", async () => {
  const context = contextOf();
  expect(await runCli(["runner", "drain", "01900000-0000-7000-8000-000000000000"], context)).toBe(1);
  expect(context.err()).toMatch(/01900000-0000-7000-8000-000000000000[\s\S]*spanloom runner list/);
});
