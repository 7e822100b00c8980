import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Gates } from "./testing/gates.ts";
import { hasPseudoTerminals, PseudoTerminal } from "./testing/pseudo-terminal.ts";

const gates = new Gates();
const step = task({ name: "step", run: ({ key }: { key: string }) => gates.at(key).promise });

let folder: string;
let server: RunningServer;
let runner: Runner;
let client: Client;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-terminal-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  runner = new Runner({ url: server.url, tasks: [step], registerGlobalTracing: false });
  await runner.start();
  client = new Client({ url: server.url });
});
afterAll(async () => {
  gates.openAll();
  client?.close();
  await runner?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const opened: PseudoTerminal[] = [];
afterEach(() => {
  for (const terminal of opened.splice(0)) terminal.stop();
});

function terminal(args: readonly string[], { columns = 80, rows = 24, env = {} } = {}): PseudoTerminal {
  const one = new PseudoTerminal(args, { columns, rows, env: { SPANLOOM_URL: server.url, ...env }, cwd: folder });
  opened.push(one);
  return one;
}

/** A job of two tasks, each of which waits. */
async function submit(name: string): Promise<string> {
  const job = await client.jobs.compose(`ジョブ ${name}`, (roots) => {
    roots.submitMany(step, [{ key: `${name} 1` }, { key: `${name} 2` }]);
  });
  return job.id;
}

const CTRL_C = "\u0003";

// Says so where it is skipped: the tests of this file need util-linux's `script`.
const onTerminal = test.skipIf(!hasPseudoTerminals);

onTerminal("progress of a job is one line that is rewritten, then the job is shown", async () => {
  const id = await submit("watch");
  const { screen, ended, shows, received } = bound(terminal(["job", "watch", id], { columns: 60 }));
  await shows("RUNNING  0/2 tasks");
  gates.at("watch 1").resolve();
  await shows("RUNNING  1/2 tasks");
  gates.at("watch 2").resolve();
  expect(await ended).toBe(0);
  const lines = screen.lines.map((line) => line.trimEnd());
  expect(lines[0]).toMatch(/^SUCCEEDED {2}2\/2 tasks/);
  expect(lines[1]).toBe(`job       ${id}`);
  expect(lines.filter((line) => line.includes("RUNNING"))).toEqual([]);
  expect(received()).toContain("\r\u001b[K");
  expect([screen.isCursorHidden, screen.column]).toEqual([false, 0]);
});

onTerminal("a narrow terminal cuts the line of progress, so that it stays one", async () => {
  const id = await submit("narrow");
  const { screen, ended, shows } = bound(terminal(["job", "watch", id], { columns: 20 }));
  await shows(/RUNNING {2}0\/2 ta/);
  expect(screen.widest).toBeLessThan(20);
  gates.at("narrow 1").resolve();
  await shows(/RUNNING {2}1\/2 ta/);
  gates.at("narrow 2").resolve();
  expect(await ended).toBe(0);
  expect(screen.lines[1]).toMatch(/^job /);
});

onTerminal.each([
  ["job wait", (id: string) => ["job", "wait", id], /0\/1 jobs ended/, /^JOB +NAME/],
  ["job submit --wait", () => ["job", "submit", "step", "--input", '{"key":"wait 1"}', "--wait"], /RUNNING/, /^job /],
])("while %s waits a line says how far it is, and is gone at the end", async (_, argsOf, waiting, first) => {
  const id = await submit("wait");
  const { screen, ended, shows } = bound(terminal(argsOf(id)));
  await shows(waiting);
  gates.at("wait 1").resolve();
  gates.at("wait 2").resolve();
  expect(await ended).toBe(0);
  expect(screen.lines[0]).toMatch(first);
  gates.openAll();
});

onTerminal("Ctrl-C leaves the terminal as it was, on a line of its own", async () => {
  const id = await submit("stopped");
  const { screen, ended, shows, type } = bound(terminal(["job", "watch", id]));
  await shows("RUNNING  0/2 tasks");
  type(CTRL_C);
  expect(await ended).toBe(130);
  expect([screen.isCursorHidden, screen.column]).toEqual([false, 0]);
  expect(screen.lines.at(-1)).toBe("");
  gates.at("stopped 1").resolve();
  gates.at("stopped 2").resolve();
});

onTerminal("top draws over what it drew, follows the size of the terminal, and ends with Ctrl-C", async () => {
  const id = await submit("top");
  const one = terminal(["top", "--every", "50ms"], { columns: 100, rows: 24 });
  const { screen, ended, shows, type } = bound(one);
  await shows(/QUEUE[\s\S]*default[\s\S]*RUNNER[\s\S]*TASK[\s\S]*step/);
  expect(screen.lines.filter((line) => line.startsWith("QUEUE "))).toHaveLength(1);
  expect(screen.widest).toBeLessThanOrEqual(100);
  one.resize(40, 8);
  await shows("more lines");
  // Nothing of the larger drawing is left.
  expect(screen.lines.length).toBeLessThanOrEqual(8);
  for (const line of screen.lines) expect(line.length).toBeLessThanOrEqual(40);
  type(CTRL_C);
  expect(await ended).toBe(0);
  expect([screen.isCursorHidden, screen.column]).toEqual([false, 0]);
  gates.at("top 1").resolve();
  gates.at("top 2").resolve();
  await client.jobs.wait(id);
});

onTerminal("spans are drawn as wide as the terminal, in colour, and without where NO_COLOR is set", async () => {
  const id = await submit("spans");
  gates.at("spans 1").resolve();
  gates.at("spans 2").resolve();
  await client.jobs.wait(id);
  const wide = bound(terminal(["spans", id], { columns: 120 }));
  expect(await wide.ended).toBe(0);
  await wide.shows("ジョブ spans");
  expect(wide.screen.widest).toBeGreaterThan(100);
  expect(wide.screen.widest).toBeLessThanOrEqual(120);
  expect(wide.received()).toContain("\u001b[");
  const plain = bound(terminal(["spans", id], { columns: 40, env: { NO_COLOR: "1" } }));
  expect(await plain.ended).toBe(0);
  expect(plain.screen.widest).toBeLessThanOrEqual(40);
  expect(plain.received()).not.toContain("\u001b");
});

onTerminal("rows on their way into a file are told of, and the line is gone once they are there", async () => {
  const id = await submit("file");
  gates.at("file 1").resolve();
  gates.at("file 2").resolve();
  await client.jobs.wait(id);
  const { screen, ended } = bound(terminal(["spans", id, "--out", "spans.csv"]));
  expect(await ended).toBe(0);
  expect(screen.lines).toEqual([expect.stringMatching(/^Wrote 5 rows, \d+ bytes to spans.csv$/), ""]);
});

onTerminal(
  "dev runs until Ctrl-C, which ends all that it started",
  async () => {
    const sdk = pathToFileURL(join(import.meta.dirname, "..", "..", "sdk", "src", "index.ts")).href;
    const module = `import { task } from "${sdk}";\nexport const greet = task({ name: "greet", run: () => 1 });\n`;
    await writeFile(join(folder, "tasks.ts"), module);
    const { screen, ended, shows, type } = bound(terminal(["dev", "tasks.ts", "--port", "0", "--data-dir", "dev"]));
    await shows(/is ready: greet@1\.0/);
    await shows("http://127.0.0.1:");
    type(CTRL_C);
    expect(await ended).toBe(0);
    expect([screen.isCursorHidden, screen.column]).toEqual([false, 0]);
  },
  60_000,
);

/** What tests look at, to be taken apart. */
function bound(one: PseudoTerminal) {
  return {
    screen: one.screen,
    ended: one.ended,
    received: () => one.received,
    shows: (text: string | RegExp) => one.shows(text),
    type: (keys: string) => one.type(keys),
  };
}
