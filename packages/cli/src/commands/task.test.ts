import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { QueryClient } from "@spanloom/query";
import { Runner } from "@spanloom/runner";
import { Client, type TaskSnapshot } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collect } from "../collect.ts";
import type { ReplayOutcome } from "../replay/replay-outcome.ts";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";
import { broken, measure, sum, talks, where } from "../testing/replayed-tasks.ts";

const module = join(import.meta.dirname, "..", "testing", "replayed-tasks.ts");
const bin = join(import.meta.dirname, "..", "bin", "spanloom.ts");
let folder: string;
let server: RunningServer;
let runner: Runner;
let client: Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-task-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0, token: "secret" });
  runner = new Runner({
    url: server.url,
    token: "secret",
    tasks: [measure, sum, where, broken, talks],
    registerGlobalTracing: false,
    cache: { url: pathToFileURL(join(folder, "cache")).href },
  });
  await runner.start();
  client = new Client({ url: server.url, token: "secret" });
});
afterAll(async () => {
  client?.close();
  await runner?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const env = () => ({ SPANLOOM_URL: server.url, SPANLOOM_TOKEN: "secret" });

async function run(...args: string[]) {
  const context = capturedContext({ env: env(), nowMs: Date.now });
  const exitCode = await runCli(args, context);
  return { exitCode, out: context.out(), err: context.err() };
}

async function tasksOf(jobId: string): Promise<TaskSnapshot[]> {
  return collect(client.jobs.tasks(jobId, { payloads: true }));
}

/** A job whose task `sum` depends on two others and had two children. */
async function summed(): Promise<{ jobId: string; task: TaskSnapshot }> {
  const job = await client.jobs.compose("sums", (roots) => {
    const lengths = roots.submitMany(measure, [{ length: 20 }, { length: 22 }]);
    roots.submit(sum, { label: "in all" }, { dependsOn: [lengths] });
  });
  await client.jobs.wait(job.id);
  const task = (await tasksOf(job.id)).find(({ name }) => name === "sum");
  return { jobId: job.id, task: task as TaskSnapshot };
}

async function only(definition: typeof where | typeof broken | typeof talks, input: unknown): Promise<string> {
  const job = await client.jobs.compose("one", (roots) => {
    roots.submit(definition as typeof broken, input as { reason: string });
  });
  await client.jobs.wait(job.id);
  return (await tasksOf(job.id))[0]?.id ?? "";
}

test("a task is shown with its attempts, input and output, for people and for programs", async () => {
  const { task } = await summed();
  const { out } = await run("task", "get", task.id);
  expect(out).toMatch(/name +sum@1\.0\nstate +SUCCEEDED/);
  expect(out).toContain('input     {"label":"in all"}');
  expect(out).toContain('output    "in all 42"');
  expect(out).toContain("depends   on 2 tasks");
  expect(out).toMatch(/ATTEMPT +OUTCOME[\s\S]*1 +SUCCESS/);
  const told = JSON.parse((await run("task", "get", task.id, "--json")).out) as TaskSnapshot;
  expect(told).toMatchObject({ id: task.id, input: { label: "in all" }, output: "in all 42" });
});

test("a task that is not there is told of, with how to find those that are", async () => {
  const { exitCode, err } = await run("task", "get", "01900000-0000-7000-8000-000000000000");
  expect(exitCode).toBe(1);
  expect(err).toContain("spanloom job get <job> --tasks");
});

test("a replay runs the code with the input and the dependencies it had, and leaves the job as it was", async () => {
  const { jobId, task } = await summed();
  const before = [await client.jobs.get(jobId), await tasksOf(jobId)];
  const { exitCode, out } = await run("task", "replay", task.id, module, "--json");
  expect(exitCode).toBe(0);
  expect(JSON.parse(out) as ReplayOutcome).toEqual({
    taskId: task.id,
    jobId,
    task: "sum@1.0",
    outcome: "SUCCESS",
    output: "in all 42",
    failure: null,
    children: [{ task: "measure", count: 2 }],
    durationMs: expect.any(Number),
    sameOutput: true,
    spans: [expect.objectContaining({ name: "sum", status: "UNSET" })],
    logs: [expect.objectContaining({ body: "summing" })],
  });
  expect([await client.jobs.get(jobId), await tasksOf(jobId)]).toEqual(before);
  expect((await run("task", "replay", task.id, module)).out).toContain("recorded  the same output");
});

test("a replay that throws makes the exit code 1 and prints the stack", async () => {
  const taskId = await only(broken, { reason: "out of everything" });
  const { exitCode, out } = await run("task", "replay", taskId, module);
  expect(exitCode).toBe(1);
  expect(out).toContain("failure   RangeError: out of everything");
  expect(out).toMatch(/at .*replayed-tasks\.ts/);
});

test("what a replay traces and logs is shown, what it prints goes to the standard error", async () => {
  const taskId = await only(talks, { words: ["one"] });
  const before = await spansOf();
  const { exitCode, out } = await run("task", "replay", taskId, module, "--json");
  const { spans, logs } = JSON.parse(out) as ReplayOutcome;
  expect(exitCode).toBe(0);
  const [attempt, outer, inner] = spans;
  expect(spans.map(({ name }) => name)).toEqual(["talks", "outer", "inner"]);
  expect([outer?.parentSpanId, inner?.parentSpanId]).toEqual([attempt?.spanId, outer?.spanId]);
  expect(inner).toMatchObject({ status: "ERROR", statusMessage: "no voice", attributes: { words: 1, loud: false } });
  expect(logs).toMatchObject([{ severity: "WARN", body: "talking", attributes: { words: 1 } }]);
  expect(logs[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  const text = (await run("task", "replay", taskId, module)).out;
  expect(text).toMatch(/^talks .*\n {2}outer .*\n {4}inner .*ERROR no voice +words=1 loud=false$/m);
  expect(text).toMatch(/Z WARN {2}talking words=1\n/);
  expect(await spansOf()).toBe(before);
  const args = [bin, "task", "replay", taskId, module, "--json"];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    env: { PATH: process.env.PATH, ...env() },
    timeout: 60_000,
  });
  expect(JSON.parse(stdout)).toMatchObject({ outcome: "SUCCESS" });
  expect(stderr).toBe("printed 1\n");
});

test("another input and another attempt are tried, of which nothing was recorded", async () => {
  const taskId = await only(talks, { words: ["one"] });
  const other = await run(
    "task",
    "replay",
    taskId,
    module,
    "--input",
    '{"words":["a","b"]}',
    "--attempt",
    "3",
    "--json",
  );
  expect(JSON.parse(other.out)).toMatchObject({ output: { attempt: 3, words: 2 }, sameOutput: null });
  const own = await run("task", "replay", taskId, module, "--json");
  expect(JSON.parse(own.out)).toMatchObject({ output: { attempt: 1, words: 1 }, sameOutput: true });
  const large = { words: Array.from({ length: 20_000 }, (_, n) => `word ${n}`) };
  const file = join(folder, "input.json");
  await writeFile(file, JSON.stringify(large));
  const read = await run("task", "replay", taskId, module, "--input", `@${file}`, "--json");
  expect(JSON.parse(read.out)).toMatchObject({ output: { words: 20_000 } });
  const bad = await run("task", "replay", taskId, module, "--input", "{");
  expect([bad.exitCode, bad.err]).toEqual([2, expect.stringContaining("cannot read --input")]);
});

test("an input of any size comes back whole", async () => {
  const words = Array.from({ length: 25_000 }, (_, n) => `w${n}`);
  const taskId = await only(talks, { words });
  const told = JSON.parse((await run("task", "get", taskId, "--json")).out) as TaskSnapshot;
  expect(told.input).toEqual({ words });
});

async function spansOf(): Promise<number> {
  const { numRows } = await new QueryClient({ url: server.url, token: "secret" }).spans().columns("name").toArrow();
  return numRows;
}

test("each replay has a cache of its own, so that none sees another", async () => {
  const taskId = await only(where, undefined);
  for (const _ of [1, 2]) {
    const { out } = await run("task", "replay", taskId, module, "--json");
    expect((JSON.parse(out) as ReplayOutcome).output).toMatchObject({ cached: false });
  }
});

test("modules without the task's code are refused with what they export", async () => {
  const { task } = await summed();
  const other = join(import.meta.dirname, "..", "testing", "example-tasks.ts");
  const { exitCode, err } = await run("task", "replay", task.id, other);
  expect(exitCode).toBe(2);
  expect(err).toContain('cannot replay "sum@1.0": the modules export add@1.0, fail@1.0');
});

test("with --inspect the replay runs in a process that a debugger can attach to", async () => {
  const taskId = await only(where, undefined);
  const args = [bin, "task", "replay", taskId, module, "--inspect", "127.0.0.1:0", "--json"];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    env: { PATH: process.env.PATH, ...env() },
    timeout: 60_000,
  });
  expect(stderr).toMatch(/Debugger listening on ws:\/\/127\.0\.0\.1:\d+/);
  expect((JSON.parse(stdout) as ReplayOutcome).output).toMatchObject({ execArgv: ["--inspect=127.0.0.1:0"] });
});
