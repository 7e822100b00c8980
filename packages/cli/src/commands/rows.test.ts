import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";

const request = task({
  name: "request",
  run: ({ path, status }: { path: string; status: number }, ctx) =>
    ctx.span(`GET ${path}`, (span) => {
      span.setAttributes({ "http.route": path, "http.response.status_code": status });
      ctx.log.info(`answered ${path}`, { status });
      if (status >= 500) throw new RangeError(`status ${status}`);
      return status;
    }),
});

let folder: string;
let server: RunningServer;
let runner: Runner;
let failed: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-rows-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  runner = new Runner({ url: server.url, tasks: [request], registerGlobalTracing: false });
  await runner.start();
  using client = new Client({ url: server.url });
  const inputs = [
    { path: "/users", status: 200 },
    { path: "/orders", status: 200 },
    { path: "/orders", status: 503 },
  ];
  for (const input of inputs) {
    const { id } = await client.jobs.submit(request, input);
    await client.jobs.wait(id);
    failed = id;
  }
});
afterAll(async () => {
  await runner?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const context = capturedContext({ env: { SPANLOOM_URL: server.url }, nowMs: Date.now });
  const exitCode = await runCli(args, context);
  return { exitCode, out: context.out(), err: context.err() };
}

async function names(...args: string[]): Promise<string[]> {
  const { exitCode, out, err } = await run("spans", ...args, "--columns", "name", "--json");
  expect([exitCode, err]).toEqual([0, ""]);
  const lines = out.split("\n").filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as { name: string }).name);
}

const user = ["--type", "user"];

test.each([
  [[], 15 - 3],
  [["--status", "error"], 4],
  [["--outcome", "failure"], 3],
  [["--name", "^GET /o"], 2],
  [["--name", "=GET /users", "--name", "/^job/"], 4],
  [[...user, "--attr", "http.response.status_code>=200", "--attr", "http.response.status_code<500"], 2],
  [[...user, "--attr", "http.route=/orders"], 2],
  [[...user, "--attr", "http.route!=/orders"], 1],
  [[...user, "--attr", "http.route~user"], 1],
  [["--attr", "http.route"], 3],
  [["--exception", "status 503", ...user], 1],
  [["--queue", "default", "--type", "attempt"], 3],
  [["--queue", "other"], 0],
  [["--since", "1h", "--type", "job"], 3],
  [["--until", "1h"], 0],
  [["--min-duration", "1h"], 0],
  [["--max-duration", "1h", ...user], 3],
  [["--triggered-by", "manual", "--type", "job"], 3],
  [["--triggered-by", "schedule"], 0],
  [["--open"], 0],
  [["--ended", "--kind", "internal", ...user], 3],
  [["--resource", "service.name=spanloom", "--type", "job"], 3],
  [["--limit", "2"], 2],
])("spans %j of all jobs are %i", async (args, count) => {
  expect(await names(...args)).toHaveLength(count);
});

test("spans of several jobs, runners and services are found by their ids", async () => {
  expect(await names(failed, "--runner", runner.id, "--type", "attempt")).toEqual(["request"]);
  expect(await names("--runner", "01900000-0000-7000-8000-000000000000")).toEqual([]);
});

test("an order and columns make a table of just these", async () => {
  const columns = "name,attributes.http.response.status_code:int64";
  const { out } = await run("spans", ...user, "--columns", columns, "--order", "name:desc");
  expect(out).toBe(
    "NAME         attributes.http.response.status_code\n" +
      "GET /users                                    200\n" +
      "GET /orders                                   200\n" +
      "GET /orders                                   503\n",
  );
});

test("without a job spans are a table, the newest first", async () => {
  const { out } = await run("spans", "--type", "job");
  const starts = [...out.matchAll(/^(\S+Z)/gm)].map(([, start]) => start);
  expect(out).toMatch(/^START /);
  expect(starts).toHaveLength(3);
  expect(starts).toEqual(starts.toSorted().reverse());
});

test.each([
  [
    ["--min-severity", "info"],
    ["answered /users", "answered /orders", "answered /orders"],
  ],
  [["--min-severity", "warn"], []],
  [["--text", "users"], ["answered /users"]],
  [["--text", "/ORDERS/"], []],
  [["--attr", "status=503"], ["answered /orders"]],
  [["--order", "time:desc", "--limit", "1"], ["answered /orders"]],
])("logs %j of all jobs", async (args, bodies) => {
  const { exitCode, out } = await run("logs", ...args);
  expect(exitCode).toBe(0);
  expect(out.match(/answered \S+/g) ?? []).toEqual(bodies);
});

test("logs go to files, too", async () => {
  const path = join(folder, "logs.csv");
  const { err } = await run("logs", failed, "--columns", "severity,body", "--out", path);
  expect(err).toMatch(/^Wrote 1 rows/);
  expect(await readFile(path, "utf8")).toBe("severity,body\nINFO,answered /orders\n");
});

test.each([
  [["spans", "x", "--columns", "name", "--format", "tree"], 2, "cannot use --columns with --format tree"],
  [["spans", "x", "--order", "name", "--format", "summary"], 2, "cannot use --order with --format summary"],
  [["spans", "--open", "--ended"], 2, "cannot use --open with --ended"],
  [["spans", "--columns", "nonsense"], 2, 'cannot query: columns name "nonsense", which does not exist'],
  [["spans", "--trace", "xyz"], 2, 'cannot query: trace "xyz" is not 32 hex digits'],
  [["logs", "--min-severity", "loud"], 2, 'cannot use --min-severity "loud": it must be one of TRACE'],
  [["logs", "--format", "perfetto.json"], 2, "is for spans, not for log records"],
  [["logs", "--follow", "--out", "x.csv"], 2, 'cannot use --format "csv" with --follow: it must be lines or jsonl'],
])("%j is not understood", async (args, code, message) => {
  const { exitCode, err } = await run(...args);
  expect([exitCode, err]).toEqual([code, expect.stringContaining(message)]);
});
