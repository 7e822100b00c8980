import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Runner } from "@spanloom/runner";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";
import { add, fail } from "../testing/example-tasks.ts";

let folder: string;
let server: RunningServer;
let runner: Runner;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-test-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  runner = new Runner({ url: server.url, tasks: [add, fail], registerGlobalTracing: false });
  await runner.start();
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await runner?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const context = capturedContext({ env: { SPANLOOM_URL: server.url }, readStdin: async () => '{"a":20,"b":22}' });
  const exitCode = await runCli(args, context);
  return { exitCode, out: context.out(), err: context.err() };
}

async function submitAdd(): Promise<string> {
  const { out } = await run("job", "submit", "add", "--input", '{"a":1,"b":2}', "--wait", "--json");
  return (JSON.parse(out) as { id: string }).id;
}

test("a job is submitted, waited for and its output printed", async () => {
  const { exitCode, out } = await run("job", "submit", "add", "--input", "-", "--tag", "team=x", "--wait", "--json");
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ name: "add", state: "SUCCEEDED", output: 42, tags: { team: "x" } });
});

test("a job that fails makes the exit code 1 and its failure is told", async () => {
  const { exitCode, out } = await run("job", "submit", "fail", "--wait");
  expect(exitCode).toBe(1);
  expect(out).toContain("RangeError: out of everything");
});

test("watching shows states as they come, the last one ended", async () => {
  const { exitCode, out } = await run("job", "submit", "add", "--input", '{"a":1,"b":2}', "--watch", "--json");
  expect(exitCode).toBe(0);
  const states = out
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { state: string }).state);
  expect(states.at(-1)).toBe("SUCCEEDED");
  const plain = await run("job", "watch", await submitAdd());
  expect(plain.exitCode).toBe(0);
  expect(plain.err).toContain("SUCCEEDED");
});

test("jobs are waited for, got and listed", async () => {
  const id = await submitAdd();
  expect((await run("job", "wait", id)).exitCode).toBe(0);
  expect((await run("job", "get", id, "--tasks")).out).toMatch(/SUCCEEDED[\s\S]*TASK[\s\S]*add/);
  const listed = JSON.parse((await run("job", "list", "--state", "succeeded", "--json")).out) as { id: string }[];
  expect(listed.map((job) => job.id)).toContain(id);
  const [mine] = JSON.parse((await run("job", "list", "--runner", runner.id, "--limit", "1", "--json")).out) as {
    id: string;
  }[];
  expect(mine).toBeDefined();
  expect((await run("job", "list", "--runner", "01900000-0000-7000-8000-000000000000")).out).toBe("No jobs.\n");
  const since = async (flag: string) => (await run("job", "list", flag, "2020-01-01T00:00:00Z", "--json")).out;
  expect(await since("--created-after")).toContain(id);
  expect(await since("--created-before")).toBe("[]\n");
});

test("a job no runner takes can be cancelled, and waiting for it has an end", async () => {
  const submitted = await run("job", "submit", "nobody-runs-this", "--json");
  const { id } = JSON.parse(submitted.out) as { id: string };
  const waited = await run("job", "wait", id, "--timeout", "50ms");
  expect(waited.exitCode).toBe(5);
  expect(waited.err).toContain("cannot wait longer: not all jobs ended within 50ms");
  const cancelled = await run("job", "cancel", id, "--reason", "nobody runs it");
  expect(cancelled).toMatchObject({ exitCode: 0, out: `${id}  CANCELLED\n` });
});

test("a failed job is retried, all of it or by task, and an unknown task is told", async () => {
  const submitted = await run("job", "submit", "fail", "--wait", "--json");
  const { id } = JSON.parse(submitted.out) as { id: string };
  expect(await run("job", "retry", id)).toMatchObject({ exitCode: 0, out: `${id}  RUNNING  1 task runs again\n` });
  await run("job", "wait", id);
  const got = JSON.parse((await run("job", "get", id, "--tasks", "--json")).out) as { tasks: { id: string }[] };
  const again = await run("job", "retry", id, "--task", got.tasks[0]!.id, "--wait");
  expect(again.exitCode).toBe(1);
  expect(again.out).toContain("RangeError: out of everything");
  const json = await run("job", "retry", id, "--json");
  expect(JSON.parse(json.out)).toMatchObject({ id, retried: 1 });
  await run("job", "wait", id);
  const unknown = await run("job", "retry", id, "--task", "01900000-0000-7000-8000-000000000000");
  expect(unknown.exitCode).toBe(1);
  expect(unknown.err).toContain("has no task with the id");
  const done = await run("job", "retry", await submitAdd());
  expect(done.err).toContain("none of its tasks failed");
});

test("a job is cloned with edits", async () => {
  const id = await submitAdd();
  const { exitCode, out } = await run("job", "clone", id, "--name", "again", "--tag", "try=2", "--wait", "--json");
  expect(exitCode).toBe(0);
  const clone = JSON.parse(out) as { id: string };
  expect(clone).toMatchObject({ name: "again", tags: { try: "2" }, output: 3 });
  expect(clone.id).not.toBe(id);
  expect((await run("job", "clone", id)).out).toMatch(/^[0-9a-f-]{36}\n$/);
  const other = await run("job", "clone", id, "--input", '{"a": 20, "b": 22}', "--wait", "--json");
  expect(JSON.parse(other.out)).toMatchObject({ output: 42 });
});

test("a job that does not exist is named, with how to find one", async () => {
  const { exitCode, err } = await run("job", "get", "01900000-0000-7000-8000-000000000000");
  expect(exitCode).toBe(1);
  expect(err).toContain("01900000-0000-7000-8000-000000000000");
  expect(err).toContain("spanloom job list");
});

test.each(["waterfall", "tree", "summary", "table"])("spans are drawn as %s", async (format) => {
  const { exitCode, out } = await run("spans", await submitAdd(), "--format", format);
  expect(exitCode).toBe(0);
  expect(out).toContain("sum");
});

test("spans are exported as lines, and to files of every format", async () => {
  const id = await submitAdd();
  const { out } = await run("spans", id, "--json");
  const names = out
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { name: string }).name);
  expect(names.sort()).toEqual(["add", "job add", "sum", "task add"]);
  for (const format of ["arrow", "parquet", "csv", "json", "jsonl", "perfetto.json", "otlp.json", "otlp.jsonl"]) {
    const path = join(folder, `spans.${format}`);
    const { exitCode, err } = await run("spans", id, "--out", path);
    expect([exitCode, err]).toEqual([0, expect.stringContaining("Wrote 4 rows")]);
    expect((await readFile(path)).length).toBeGreaterThan(100);
  }
});

test("jobs are compared by span name", async () => {
  const [base, other] = [await submitAdd(), await submitAdd()];
  const { exitCode, out } = await run("compare", base, other);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^NAME +CHANGE +COUNT +MEAN +TOTAL +DIFFERENCE$/m);
  expect(out).toMatch(/^sum +(slower|faster|same) +1 +.*[mu]s +.*[mu]s +[+-]/m);
  const rows = (await run("compare", base, other, "--json")).out.trim().split("\n");
  expect(rows.map((row) => (JSON.parse(row) as { name: string }).name).sort()).toEqual([
    "add",
    "job add",
    "sum",
    "task add",
  ]);
  const unknown = await run("compare", base, "0198c0de-0000-7000-8000-00000000cafe");
  expect(unknown.exitCode).toBe(1);
  expect(unknown.err).toContain('no span of job "0198c0de-0000-7000-8000-00000000cafe" is stored');
});

test("the critical path of a job is drawn, and printed as lines that sum to its duration", async () => {
  const id = await submitAdd();
  const { exitCode, out } = await run("critical-path", id, "--max-rows", "5");
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^critical path .*running/);
  const lines = (await run("critical-path", id, "--json")).out.trim().split("\n");
  const parts = lines.map((line) => JSON.parse(line) as { kind: string; duration_ns: number });
  const [job] = (await run("spans", id, "--type", "job", "--json")).out.trim().split("\n");
  const sum = parts.reduce((total, part) => total + Number(part.duration_ns), 0);
  expect(sum).toBe(Number((JSON.parse(job!) as { duration_ns: number }).duration_ns));
  const spans = (await run("critical-path", id, "--spans", "--json")).out.trim().split("\n");
  const inner = spans.map((line) => JSON.parse(line) as { type: string; name: string; duration_ns: number });
  expect(inner).toContainEqual(expect.objectContaining({ type: "user", name: "sum" }));
  expect(inner.reduce((total, part) => total + Number(part.duration_ns), 0)).toBe(sum);
  expect((await run("critical-path", "01900000-0000-7000-8000-000000000000")).err).toContain("no span of job");
});

test("spans can be narrowed", async () => {
  const { out } = await run("spans", await submitAdd(), "--type", "user", "--json");
  expect(out.trim().split("\n")).toHaveLength(1);
});

test("logs are printed as lines and as JSON, and narrowed by severity", async () => {
  const id = await submitAdd();
  expect((await run("logs", id)).out).toMatch(/WARN +\[add#1\] adding numbers a=1/);
  expect(JSON.parse((await run("logs", id, "--json")).out)).toMatchObject({ body: "adding numbers" });
  expect(await run("logs", id, "--min-severity", "error")).toMatchObject({ out: "", err: "No log records.\n" });
});

test("runners and queues are listed", async () => {
  const runners = JSON.parse((await run("runner", "list", "--json")).out) as object[];
  expect(runners).toMatchObject([{ id: runner.id, state: "ACTIVE", tasks: ["add@1.0", "fail@1.0"] }]);
  expect((await run("runner", "list")).out).toContain(runner.id);
  expect((await run("runner", "list", "--queue", "other", "--json")).out).toBe("[]\n");
  await submitAdd();
  const queues = JSON.parse((await run("queue", "list", "--json")).out) as object[];
  expect(queues).toMatchObject([{ queue: "default", runners: 1 }]);
});

test("a server and a runner are started as programs, say so, and stop when told", async () => {
  // Programs of their own, as an embedded telemetry store serves one data folder per process.
  const serverProgram = startProgram(["server", "--port", "0", "--data-dir", join(folder, "own"), "--json"]);
  const { url } = JSON.parse(await serverProgram.firstLine) as { url: string };
  const tasks = fileURLToPath(new URL("../testing/example-tasks.ts", import.meta.url));
  const runnerProgram = startProgram(["--url", url, "runner", tasks, "--json"]);
  expect(JSON.parse(await runnerProgram.firstLine)).toMatchObject({ tasks: ["add@1.0", "fail@1.0"] });
  const listed = await run("--url", url, "runner", "list", "--json");
  expect(JSON.parse(listed.out)).toHaveLength(1);
  expect(await runnerProgram.stop()).toBe(0);
  expect(await serverProgram.stop()).toBe(0);
});

function startProgram(args: string[]): { firstLine: Promise<string>; stop: () => Promise<number | null> } {
  const program = fileURLToPath(new URL("../bin/spanloom.ts", import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const firstLine = Promise.withResolvers<string>();
  const exited = Promise.withResolvers<number | null>();
  let errors = "";
  child.stdout.on("data", (data: Buffer) => firstLine.resolve(data.toString()));
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
  });
  child.once("exit", (code) => {
    firstLine.reject(new Error(`cannot start ${args[0]}: it exited with ${code}: ${errors}`));
    exited.resolve(code);
  });
  const stop = () => {
    child.kill("SIGTERM");
    return exited.promise;
  };
  return { firstLine: firstLine.promise, stop };
}
