import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { completedKinds, completionNodes } from "./completion-words.ts";
import { buildProgram } from "./program.ts";
import { runCli } from "./run-cli.ts";
import { capturedContext } from "./testing/captured-context.ts";
import { DocumentedShapes } from "./testing/documented-shapes.ts";
import { add } from "./testing/example-tasks.ts";
import { broken, measure, sum } from "./testing/replayed-tasks.ts";

const shapes = DocumentedShapes.read();
const ran = new Set<string>();
const held = Promise.withResolvers<void>();
const hold = task({ name: "hold", run: () => held.promise });
const modules = join(import.meta.dirname, "testing");
let folder: string;
let server: RunningServer;
let runner: Runner;
let client: Client;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-shapes-"));
  await writeFile(join(folder, "with-console.mjs"), withConsole);
  const environment = () => "a secret";
  server = await startServer({ dataDir: join(folder, "data"), port: 0, secretKey: "ab".repeat(32), environment });
  runner = new Runner({ url: server.url, tasks: [add, measure, sum, broken, hold], registerGlobalTracing: false });
  await runner.start();
  client = new Client({ url: server.url });
});
afterAll(async () => {
  held.resolve();
  for (const child of children) child.kill("SIGKILL");
  client?.close();
  await runner?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Expected {
  exitCode?: number;
  /** Which of the ways to print that the page tells of. */
  way?: number;
  stdin?: string;
}

/** What tests look at of what commands print. */
interface Answer {
  id: string;
  jobId: string;
  retriedAt: string;
  trigger: object;
  tasks: { id: string; name: string }[];
  firings: { jobId: string }[];
  length: number;
}

/** Runs a command with --json and holds what it prints to the page; gives it back, lines as an array. */
async function json(
  command: string,
  args: string[] = [],
  { exitCode = 0, way = 0, stdin = "" }: Expected = {},
): Promise<Answer> {
  const env = { SPANLOOM_URL: server.url };
  const context = capturedContext({ env, nowMs: Date.now, readStdin: async () => stdin });
  const code = await runCli([...command.split(" "), ...args, "--json"], context);
  // What a replayed task says is told there; nothing else is when all goes well.
  const err = command === "task replay" ? "" : context.err();
  expect({ command, code, err }).toEqual({ command, code: exitCode, err: "" });
  return holdToPage(command, context.out(), way) as Answer;
}

function holdToPage(command: string, text: string, way = 0): unknown {
  ran.add(command);
  const documented = shapes.outputs.get(command)?.[way];
  expect(documented, `docs/cli.md says what ${command} prints`).toBeDefined();
  const { isLines, types } = documented!;
  const lines = text.trimEnd().split("\n");
  if (!isLines) expect(lines, `${command} prints one value`).toHaveLength(1);
  const values = lines.filter(Boolean).map((line) => JSON.parse(line) as unknown);
  const problems = values.flatMap((value, i) => {
    // Lines of several shapes come in their order, the last one again and again.
    const type = types[Math.min(i, types.length - 1)]!;
    return shapes.problems(value, type, command);
  });
  expect(problems).toEqual([]);
  return isLines ? values : values[0];
}

const WAIT = { timeout: 60_000, interval: 50 };
const input = ["--input", '{"a":20,"b":22}'];

async function summed(): Promise<string> {
  const job = await client.jobs.compose("sums", (roots) => {
    const lengths = roots.submitMany(measure, [{ length: 20 }, { length: 22 }]);
    roots.submit(sum, { label: "in all" }, { dependsOn: [lengths] });
  });
  await client.jobs.wait(job.id);
  return job.id;
}

test("jobs and their tasks", async () => {
  await json("job submit", ["add", ...input, "--tag", "team=x"]);
  const id = await summed();
  const { tasks } = await json("job get", [id, "--tasks"]);
  await json("job get", [id]);
  await json("job clone", [id]);
  await json("job clone", [id, "--watch"], { way: 1 });
  await json("job submit", ["add", ...input, "--wait"]);
  await json("job submit", ["add", ...input, "--watch"], { way: 1 });
  await json("job watch", [id]);
  await json("job wait", [id]);
  await json("job list");
  const byName = (name: string): string => tasks.find((one) => one.name === name)!.id;
  await json("task get", [byName("sum")]);
  await json("task replay", [byName("sum"), join(modules, "replayed-tasks.ts")]);
  const failed = await json("job submit", ["broken", "--input", '{"reason":"it is"}', "--wait"], { exitCode: 1 });
  await json("job retry", [failed.id]);
  await client.jobs.wait(failed.id);
  const again = await json("job get", [failed.id, "--tasks"]);
  expect(again.retriedAt).toBeDefined();
  await json("task replay", [again.tasks[0]!.id, join(modules, "replayed-tasks.ts")], { exitCode: 1 });
  await json("job retry", [failed.id, "--watch"], { way: 2, exitCode: 1 });
  await json("job retry", [failed.id, "--wait"], { way: 1, exitCode: 1 });
  const { id: waiting } = await json("job submit", ["nobody-runs-this"]);
  await json("job cancel", [waiting, "--reason", "nobody runs it"]);
});

test("spans, logs, the critical path and comparisons", async () => {
  const [id, other] = [await summed(), await summed()];
  const { id: added } = await json("job submit", ["add", ...input, "--wait"]);
  await vi.waitFor(async () => expect(await json("logs", [added])).toHaveLength(1), WAIT);
  expect((await json("spans", [id])).length).toBeGreaterThan(7);
  await json("spans", [id, "--follow"]);
  await json("export", [id, "--to", join(modules, "counting-exporter.ts")]);
  await json("logs", [added, "--follow"]);
  expect((await json("critical-path", [id])).length).toBeGreaterThan(0);
  expect((await json("compare", [id, other])).length).toBeGreaterThan(0);
});

test("queues, runners, what runs now, the doctor's report and words to complete", async () => {
  const { id } = await client.jobs.submit(hold);
  await client.jobs.submit(hold, undefined, { queue: "nobody-serves-it" });
  await vi.waitFor(async () => expect((await client.jobs.get(id)).state).toBe("RUNNING"), WAIT);
  await json("queue list");
  await json("runner list");
  await json("top", ["--count", "2", "--every", "1ms"]);
  await json("doctor");
  await json("completion", ["bash"]);
  for (const kind of completedKinds) await json("completion", ["--names", kind], { way: 1 });
});

test("schedules and their firings", async () => {
  await json("schedule put", ["hourly", "add", "--every", "1h", ...input, "--overlap", "allow"]);
  await json("schedule put", ["nightly", "add", "--cron", "0 3 * * *", "--time-zone", "Europe/Berlin", ...input]);
  await json("schedule put", ["once", "add", "--at", "2035-01-01T00:00:00Z", ...input]);
  // What only code can ask for is printed as well.
  const [jobName, anchor] = ["from code", new Date("2026-01-01T00:00:00Z")];
  const options = {
    name: "code",
    task: add,
    input: { a: 1, b: 2 },
    jobName,
    deadlineMs: 60_000,
    display: "for people",
  };
  await client.schedules.put({ ...options, every: 3_600_000, anchor });
  const { jobId } = await json("schedule fire", ["hourly"]);
  await client.jobs.wait(jobId);
  const { firings } = await json("schedule backfill", [
    "hourly",
    "--from",
    "2026-11-01",
    "--until",
    "2026-11-01T02:00Z",
  ]);
  await json("job get", [firings[0]!.jobId]);
  await json("schedule firings", ["hourly"]);
  await json("schedule preview", ["hourly", "--count", "3"]);
  await json("schedule pause", ["hourly", "--reason", "holidays"]);
  await json("schedule get", ["hourly"]);
  await json("schedule list");
  await json("schedule resume", ["hourly"]);
  await json("schedule delete", ["once"]);
});

test("webhooks, events and triggers", async () => {
  await json("trigger put", [
    "sums",
    "add",
    "--on",
    "sum.*",
    "--when",
    "event.payload.a > 1",
    "--input",
    "event.payload",
  ]);
  await json("trigger put", ["hooked", "add", "--on", "webhook.**"]);
  await json("trigger put", ["fails", "add", "--on", "sum.*", "--input", "event.payload.absent"]);
  const build = (roots: Parameters<Parameters<Client["jobs"]["compose"]>[1]>[0]) =>
    void roots.submit(add, { a: 1, b: 2 });
  await client.triggers.put({ name: "code", on: "other", build, inputTask: false });
  await json("trigger test", ["sums", "sum.asked", "-p", '{"a":1.5,"b":2}']);
  await json("trigger test", ["fails", "sum.asked", "-p", "{}"], { exitCode: 1 });
  await json("event publish", ["sum.asked", "-p", '{"a":1.5,"b":2}', "--id", "ask", "--metadata", "by=me"]);
  await json("event replay", ["ask"]);
  const signed = ["--header", "X-Sig", "--prefix", "v1=", "--time-header", "X-Time", "--id-header", "X-Id"];
  const template = ["--signed", "{id}.{timestamp}.{body}", "--secret-encoding", "text", "--secret-file", "-"];
  const hmac = ["--scheme", "hmac", ...signed, ...template];
  await json("webhook put", ["shop", ...hmac], { stdin: "a long secret" });
  await json("webhook put", ["open", "--scheme", "none", "--keep", "X-Shop"]);
  const headers = { "content-type": "application/json" };
  const sent = await fetch(`${server.url}/hooks/open`, { method: "POST", headers, body: '{"a":1,"b":2}' });
  expect(sent.status).toBe(202);
  await json("webhook get", ["shop"]);
  await json("webhook list");
  await vi.waitFor(async () => {
    expect(await json("trigger firings", ["sums"])).toHaveLength(2);
    expect(await json("trigger firings", ["hooked"])).toHaveLength(1);
    expect(await json("trigger firings", ["fails"])).toMatchObject([{ outcome: "FAILED" }, {}]);
  }, WAIT);
  await json("event list");
  const { firings } = await json("event get", ["ask"]);
  const { jobId } = firings.find((one) => one.jobId)!;
  expect((await json("job get", [jobId])).trigger).toMatchObject({ type: "EVENT", eventId: "ask" });
  await json("trigger get", ["fails"]);
  await json("trigger list");
  await json("trigger pause", ["sums"]);
  await json("trigger resume", ["sums"]);
  await json("trigger delete", ["sums"]);
  await json("webhook delete", ["open"]);
});

test("a server, a runner, both for development, and a runner that is drained", async () => {
  const tasks = join(modules, "example-tasks.ts");
  const own = program(["server", "--port", "0", "--data-dir", join(folder, "own")]);
  const [listening] = (await own.lines(1)) as { url: string }[];
  const worker = program(["runner", tasks, "--url", listening!.url]);
  await worker.lines(1);
  holdToPage("runner", worker.text());
  const [ready] = JSON.parse(`[${worker.text()}]`) as { id: string }[];
  await json("runner drain", [ready!.id, "--url", listening!.url]);
  expect(await worker.ended).toBe(0);
  expect(await own.stop()).toBe(0);
  holdToPage("server", own.text());
  const dev = program(["dev", tasks, "--port", "0", "--data-dir", join(folder, "dev")]);
  await dev.lines(2);
  expect(await dev.stop()).toBe(0);
  holdToPage("dev", dev.text());
}, 120_000);

/** Puts a console where a checkout may have none that is built. */
const withConsole = `
import { registerHooks } from "node:module";
const url = "data:text/javascript,export const consoleAssets = () => ({ folder: '/none', files: [] });";
registerHooks({
  resolve: (name, context, next) =>
    name === "@spanloom/console" ? { url, format: "module", shortCircuit: true } : next(name, context),
});`;

/** The command line as a program of its own, as an embedded telemetry store serves one data folder per process. */
function program(args: string[]) {
  const path = join(import.meta.dirname, "bin", "spanloom.ts");
  const env = { ...process.env, NODE_OPTIONS: `--import=${pathToFileURL(join(folder, "with-console.mjs")).href}` };
  const child = spawn(process.execPath, [path, ...args, "--json"], { env, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const text = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (text.out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (text.err += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const lines = async (count: number) =>
    vi.waitFor(() => {
      const found = text.out.split("\n").slice(0, -1);
      expect(found.length, text.err).toBeGreaterThanOrEqual(count);
      return found.map((line) => JSON.parse(line) as object);
    }, WAIT);
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  return { text: () => text.out, lines, ended, stop };
}

test("docs/cli.md tells of every command, and each was held to it", () => {
  const nodes = completionNodes(buildProgram(capturedContext(), () => undefined));
  // A group alone prints nothing; `runner` is a command, too.
  const commands = nodes.filter(({ path, commands }) => commands.length === 0 || path === "runner");
  const names = commands.map(({ path }) => path).toSorted();
  expect([...shapes.outputs.keys()].toSorted()).toEqual(names);
  expect([...ran].toSorted()).toEqual(names);
});

test("nothing is documented that no command prints", () => {
  expect(shapes.unseen()).toEqual([]);
});
