import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Client } from "@spanloom/sdk";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { namedTask } from "../named-task.ts";
import { runCli } from "../run-cli.ts";
import type { Listening } from "../start-server.ts";
import { capturedContext } from "../testing/captured-context.ts";

const stop = new AbortController();
let ended: Promise<number> | undefined;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-dev-"));
});
afterAll(async () => {
  stop.abort(new Error("cannot finish: the test is over"));
  await ended;
  await rm(folder, { recursive: true, force: true });
});

// A module outside of the workspace finds no package by its name.
const sdk = pathToFileURL(join(import.meta.dirname, "..", "..", "..", "sdk", "src", "index.ts")).href;
const tasksModule = `
import { task } from "${sdk}";
import { greeting } from "./greeting.ts";
export const greet = task({ name: "greet", run: () => greeting });
`;

const bin = join(import.meta.dirname, "..", "bin", "spanloom.ts");
const soon = { timeout: 30_000, interval: 50 };

test("tasks run, and run anew once a file that their module imports has changed, or is mended, until Ctrl-C", async () => {
  const module = join(folder, "tasks.ts");
  const greeting = join(folder, "greeting.ts");
  await writeFile(module, tasksModule);
  await writeFile(greeting, 'export const greeting = "hello";\n');
  const { PATH } = process.env;
  const context = capturedContext({ env: { PATH }, signal: stop.signal, nowMs: Date.now });
  const flags = ["--port", "0", "--data-dir", join(folder, "data"), "--no-console", "--json"];
  ended = runCli(["dev", module, ...flags], context);
  const runners = () => context.out().match(/"tasks":\["greet@1.0"\]/g)?.length ?? 0;
  await vi.waitFor(() => expect(runners()).toBe(1), soon);
  const listening = JSON.parse(context.out().split("\n")[0] ?? "") as Listening;
  const { url } = listening;
  expect(listening).toEqual({ url, port: Number(new URL(url).port), dataDir: join(folder, "data"), console: null });
  using client = new Client({ url });
  const greet = namedTask("greet", { version: "1.0" });
  const first = await client.jobs.submit(greet);
  expect((await client.jobs.wait(first.id)).output).toBe("hello");
  await writeFile(greeting, 'export const greeting = "good morning";\n');
  await vi.waitFor(() => expect(runners()).toBe(2), soon);
  const second = await client.jobs.submit(greet);
  expect((await client.jobs.wait(second.id)).output).toBe("good morning");
  await writeFile(greeting, "export const greeting = ;\n");
  await vi.waitFor(() => expect(context.err()).toContain("No tasks run: mend the code"), soon);
  expect(context.err()).toMatch(/cannot load .*tasks\.ts.*: SyntaxError: .*greeting\.ts:1/);
  await writeFile(greeting, 'export const greeting = "good night";\n');
  await vi.waitFor(() => expect(runners()).toBe(3), soon);
  const third = await client.jobs.submit(greet);
  expect((await client.jobs.wait(third.id)).output).toBe("good night");
  const other = spawnSync(process.execPath, [bin, "dev", module, "--port", String(listening.port)], {
    encoding: "utf8",
    env: { PATH, SPANLOOM_DATA_DIR: join(folder, "other") },
  });
  expect(other.status).toBe(1);
  expect(other.stderr).toMatch(/another process has the port.*\n(A Spanloom server answers there|See which)/);
  stop.abort(new Error("cannot finish: SIGINT came"));
  expect(await ended).toBe(0);
  for (const line of context.out().trim().split("\n")) expect(JSON.parse(line)).toBeTypeOf("object");
}, 180_000);

test("a module that is not there is told of before anything is started", async () => {
  const context = capturedContext({ env: { SPANLOOM_DATA_DIR: join(folder, "never") } });
  expect(await runCli(["dev", join(folder, "absent.ts")], context)).toBe(2);
  expect(context.err()).toContain(`cannot load "${join(folder, "absent.ts")}": there is no such file`);
  expect(existsSync(join(folder, "never"))).toBe(false);
});
