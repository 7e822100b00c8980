import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createClient } from "@connectrpc/connect";
import { AttemptOutcome, JobService, JobState, QueryService, type Task, TaskState } from "@spanloom/protocol";
import { waitFor } from "@spanloom/testing";
import { tableFromIPC } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { LoopRunner, returned } from "./rpc/testing/loop-runner.ts";
import { seeded } from "./testing/seeded.ts";
import { type ServerProgram, ServerPrograms, transportTo } from "./testing/server-program.ts";
import { fanOut, fanOutJob, StubbornRunner } from "./testing/stubborn-runner.ts";

let folder: string;
const programs = new ServerPrograms();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
});
afterEach(async () => {
  await programs.killAll();
  await rm(folder, { recursive: true, force: true });
});

/** What a runner is not told of because the server is killed is lost, and so runs again, after this. */
const LEASE_MS = 3_000;

/** Starts the real server program. */
function startProgram(args: readonly string[] = [], env: Record<string, string> = {}, uid?: number): ServerProgram {
  return programs.start({ dataDir: join(folder, "data"), leaseMs: LEASE_MS, args, env, uid });
}

describe("a start that cannot succeed says why and what to do", () => {
  it("when the port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const { code, errors } = await startProgram(["--port", String(port)]).end;
    other.close();
    expect(code).toBe(1);
    expect(errors).toBe(
      `cannot listen on 127.0.0.1:${port}: another process has the port; choose another with --port or SPANLOOM_PORT\n`,
    );
  });

  it("when another server has the folder", async () => {
    const first = startProgram();
    await first.url;
    const { code, errors } = await startProgram().end;
    expect(code).toBe(1);
    expect(errors).toMatch(
      new RegExp(`^cannot open data folder .*data: another process has it open \\(pid ${first.child.pid}\\)`),
    );
  });

  it("when the folder is from a newer version", async () => {
    const first = startProgram();
    await first.url;
    first.child.kill("SIGTERM");
    await first.end;
    const database = new DatabaseSync(join(folder, "data", "control.db"));
    database.exec("UPDATE meta SET value = 9999 WHERE key = 'schema_version'");
    database.close();
    const { code, errors } = await startProgram().end;
    expect(code).toBe(1);
    expect(errors).toMatch(/^cannot open .*control.db: its schema has version 9999.*newer/);
  });

  it("when the folder is read-only", async () => {
    const data = join(folder, "data");
    await mkdir(data);
    await chmod(folder, 0o755);
    await chmod(data, 0o555);
    // Root may write anywhere, so under root the program runs as nobody.
    const { code, errors } = await startProgram([], {}, process.getuid?.() === 0 ? 65_534 : undefined).end;
    await chmod(data, 0o755);
    expect(code).toBe(1);
    expect(errors).toMatch(/^cannot write to data folder .*data: no permission to write .*lock as user id \d+\n$/);
  });

  it("when the folder is a file", async () => {
    await writeFile(join(folder, "data"), "not a folder");
    const { code, errors } = await startProgram().end;
    expect(code).toBe(1);
    expect(errors).toMatch(/^cannot write to data folder .*data/);
  });

  it("when it would be open to other machines", async () => {
    const { code, errors } = await startProgram(["--host", "0.0.0.0"]).end;
    expect(code).toBe(1);
    expect(errors).toMatch(/^cannot listen on "0.0.0.0".*--token/);
  });

  it.each([
    [["--prot", "1"], {}, /--prot/],
    [["--port", "http"], {}, /--port "http"/],
    [[], { SPANLOOM_DATABASE_URL: "postgres://x" }, /SPANLOOM_DATABASE_URL/],
  ])("when it is told %j %j", async (args, env, message) => {
    const { code, errors } = await startProgram(args, env).end;
    expect(code).toBe(2);
    expect(errors).toMatch(message);
    expect(errors.trim().split("\n")).toHaveLength(1);
  });
});

describe("signals", () => {
  it("stop the program gracefully: a long poll is answered, the exit code is 0", async () => {
    const { child, url, end } = startProgram();
    const runner = new LoopRunner(transportTo(await url), { a: () => returned(1) });
    await runner.exchange([]);
    const poll = runner.exchange([], { waitMs: 30_000 });
    // Answered or refused, but at once.
    const answered = poll.then(
      ({ tasks }) => tasks.length,
      () => 0,
    );
    child.kill("SIGTERM");
    expect(await answered).toBe(0);
    expect((await end).code).toBe(0);
  });
});

const WIDTH = 200;

async function allTasks(url: string, jobId: string): Promise<Task[]> {
  const jobs = createClient(JobService, transportTo(url));
  const tasks: Task[] = [];
  let pageToken = "";
  do {
    const page = await jobs.listTasks({ jobId, pageSize: 1_000, pageToken, includePayloads: true });
    tasks.push(...page.tasks);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return tasks;
}

describe("kill -9 of the server in mid-run, and a start on the same folder (P1, P7)", () => {
  it.each([1, 2, 3, 4, 5])(
    "seed %i: the job finishes, nothing acknowledged is lost, no task ends twice",
    async (seed) => {
      onTestFailed(() => console.error(`seed ${seed}`));
      const random = seeded(seed);
      let server = startProgram();
      let url = await server.url;
      const submitted = await createClient(JobService, transportTo(url)).submitJob(fanOutJob);
      const jobId = submitted.job?.id ?? "";
      const runners = [0, 1].map(() => new StubbornRunner(url, fanOut(WIDTH)));
      const running = runners.map((runner) => runner.run());
      const progress = (): number => runners.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
      for (let kill = 0; kill < 3; kill++) {
        const until = Math.floor((WIDTH / 3) * (kill + random()));
        await expect.poll(progress, { interval: 1 }).toBeGreaterThanOrEqual(until);
        server.child.kill("SIGKILL");
        await server.end;
        server = startProgram();
        url = await server.url;
        for (const runner of runners) runner.moveTo(url);
      }
      const jobs = createClient(JobService, transportTo(url));
      const ended = await waitFor(
        async () => (await jobs.waitJobs({ jobIds: [jobId], wait: { seconds: 25n } })).jobs[0],
        { deadlineMs: 120_000, what: "the end of the job" },
      );
      for (const runner of runners) runner.stop();
      await Promise.all(running);
      expect(ended).toMatchObject({ state: JobState.SUCCEEDED, counts: { succeeded: BigInt(WIDTH + 2) } });
      const tasks = await allTasks(url, jobId);
      expect(tasks).toHaveLength(WIDTH + 2);
      const successes = tasks.flatMap(({ id, attempts }) =>
        attempts.filter(({ outcome }) => outcome === AttemptOutcome.SUCCESS).map(({ number }) => `${id}/${number}`),
      );
      expect(new Set(successes.map((one) => one.split("/")[0])).size).toBe(successes.length);
      for (const acknowledged of [...runners].flatMap((runner) => [...runner.acknowledged]))
        expect(successes).toContain(acknowledged);
      const merge = tasks.find(({ identifier }) => identifier?.name === "merge");
      expect(new TextDecoder().decode(merge?.output)).toBe(String((WIDTH * (WIDTH - 1)) / 2));
      expect(tasks.every(({ state }) => state === TaskState.SUCCEEDED)).toBe(true);
      await expectCompleteTree(url, jobId, tasks);
    },
  );
});

/** The stored spans form one tree with a span for every task and attempt, all of them closed (P1). */
async function expectCompleteTree(url: string, jobId: string, tasks: readonly Task[]): Promise<void> {
  const rows: { span_id: string; parent_span_id: string | null; type: string; end_time: unknown }[] = [];
  const queries = createClient(QueryService, transportTo(url));
  const columns = ["span_id", "parent_span_id", "type", "end_time"];
  for await (const { chunk } of queries.querySpans({ filter: { jobIds: [jobId] }, columns }))
    rows.push(...(tableFromIPC(chunk?.ipc ?? new Uint8Array()).toArray() as typeof rows));
  const ids = new Set(rows.map(({ span_id }) => span_id));
  expect(ids.size).toBe(rows.length);
  expect(rows.filter(({ parent_span_id: parent }) => parent === null)).toHaveLength(1);
  expect(rows.filter(({ parent_span_id: parent }) => parent !== null && !ids.has(parent))).toEqual([]);
  expect(rows.filter(({ end_time: end }) => end === null)).toEqual([]);
  const count = (type: string): number => rows.filter((row) => row.type === type).length;
  expect([count("job"), count("task")]).toEqual([1, tasks.length]);
  expect(count("attempt")).toBe(tasks.reduce((sum, { attempts }) => sum + attempts.length, 0));
}
