import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";
import { Gates } from "../testing/gates.ts";

const gates = new Gates();

const load = task({
  name: "load",
  retry: { maxAttempts: 2, initialDelayMs: 1 },
  async run({ key }: { key: string }, ctx): Promise<number> {
    await ctx.span("download", () => gates.at(`${key} download`).promise);
    ctx.log.warn("downloaded", { attempt: ctx.attempt });
    if (ctx.attempt === 1) throw new RangeError("half of it is missing");
    await ctx.span("parse", () => gates.at(`${key} parse`).promise);
    ctx.log.info("parsed");
    return ctx.attempt;
  },
});

let folder: string;
let server: RunningServer;
let runner: Runner;
let client: Client;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-follow-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  runner = new Runner({ url: server.url, tasks: [load], registerGlobalTracing: false });
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

/** The command line as a program of its own. */
function program(...args: string[]) {
  const path = fileURLToPath(new URL("../bin/spanloom.ts", import.meta.url));
  const child = spawn(process.execPath, [path, "--url", server.url, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const text = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (text.out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (text.err += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const shows = (part: string) =>
    waitFor(() => text.out.includes(part), { what: `"${part}" in ${text.out}${text.err}` });
  return { text, ended, shows, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

/** Without what differs from run to run. */
const plain = (text: string) => text.replace(/^\S+Z /gm, "TIME ").replace(/ +[\d.]+ (us|ms|s) /g, "  TOOK ");

const sortedLines = (text: string) => text.split("\n").toSorted().join("\n").trimStart().concat("\n");

async function submit(key: string): Promise<string> {
  const job = await client.jobs.submit(load, { key }, { name: "follow me" });
  return job.id;
}

test("spans and logs are printed as they come, and the commands end with the job", async () => {
  const id = await submit("a");
  const [spans, logs, json] = [
    program("spans", id, "--follow"),
    program("logs", id, "--follow"),
    program("spans", id, "--follow", "--json"),
  ];
  await json.shows('"name":"job follow me"');
  gates.at("a download").resolve();
  await spans.shows("half of it is missing");
  await logs.shows("downloaded attempt=2");
  await json.shows('"status_message":"half of it is missing"');
  gates.at("a parse").resolve();
  expect(await Promise.all([spans.ended, logs.ended, json.ended])).toEqual([0, 0, 0]);
  expect([spans.text.err, logs.text.err, json.text.err]).toEqual(["", "", ""]);
  // Spans of the code and of the server come on ways of their own.
  await expect(sortedLines(plain(spans.text.out))).toMatchFileSnapshot("../../testdata/spans-follow.txt");
  await expect(plain(logs.text.out)).toMatchFileSnapshot("../../testdata/logs-follow.txt");
  const rows = json.text.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const open = rows.filter(({ type, end_time }) => type === "job" && end_time === null);
  const ended = new Set(rows.filter(({ end_time }) => end_time !== null).map(({ span_id }) => span_id));
  expect(open.length).toBeGreaterThan(0);
  expect(ended.size).toBe(7);
});

test("what has ended already is printed, and nothing of a job that is unknown", async () => {
  gates.at("b download").resolve();
  gates.at("b parse").resolve();
  const id = await submit("b");
  await client.jobs.wait(id);
  const spans = program("spans", id, "--follow", "--type", "attempt");
  expect(await spans.ended).toBe(0);
  await expect(plain(spans.text.out)).toMatchFileSnapshot("../../testdata/spans-follow-attempts.txt");
  const unknown = program("spans", "01900000-0000-7000-8000-000000000000", "--follow");
  expect(await unknown.ended).toBe(0);
  expect(unknown.text).toMatchObject({ out: "", err: expect.stringContaining("No spans. Does job 01900000") });
});

test("Ctrl-C ends it, which is all it says", async () => {
  const id = await submit("c");
  const spans = program("spans", id, "--follow", "--open");
  await spans.shows("open  job follow me");
  spans.kill("SIGINT");
  expect(await spans.ended).toBe(130);
  expect(spans.text.err).toBe("");
  gates.at("c download").resolve();
  gates.at("c parse").resolve();
});

test("it goes on when its server was killed and started again", async () => {
  const dataDir = join(folder, "killed");
  const start = async (port: string) => {
    const started = program("server", "--port", port, "--data-dir", dataDir, "--json");
    await started.shows("\n");
    return { ...started, ...(JSON.parse(started.text.out) as { url: string }) };
  };
  const first = await start("0");
  const { url } = first;
  const submitted = program("--url", url, "job", "submit", "nobody-runs-this", "--json");
  await submitted.ended;
  const { id } = JSON.parse(submitted.text.out) as { id: string };
  const spans = program("--url", url, "spans", id, "--follow", "--json");
  await spans.shows('"name":"job nobody-runs-this"');
  first.kill("SIGKILL");
  await first.ended;
  await waitFor(() => spans.text.err.includes("Trying again"), { what: "word of the lost connection" });
  const second = await start(new URL(url).port);
  expect(await program("--url", url, "job", "cancel", id).ended).toBe(0);
  expect(await spans.ended).toBe(0);
  expect(spans.text.err.match(/Trying again/g)).toHaveLength(1);
  expect(spans.text.out).toContain('"outcome":"cancelled"');
  second.kill("SIGTERM");
  await second.ended;
});

test.each([
  [
    ["spans", "x", "--follow", "--format", "tree"],
    'cannot use --format "tree" with --follow: it must be table or jsonl',
  ],
  [["spans", "x", "--follow", "--max-rows", "5"], 'cannot use --max-rows "5" with --follow'],
  [["spans", "x", "--follow", "--out", "x.jsonl"], 'cannot use --out "x.jsonl" with --follow'],
  [["logs", "x", "--follow", "--limit", "5"], 'cannot use --limit "5" with --follow'],
])("%j is not understood", async (args, message) => {
  const context = capturedContext({});
  expect(await runCli(args, context)).toBe(2);
  expect(context.err()).toContain(message);
});
