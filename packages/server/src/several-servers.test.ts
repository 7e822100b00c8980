import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import {
  AttemptOutcome,
  durationFromMs,
  type Job,
  JobService,
  JobState,
  ResultStatus,
  type Task,
  TaskState,
} from "@spanloom/protocol";
import { TestPostgres, waitFor } from "@spanloom/testing";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { LoopRunner, returned } from "./rpc/testing/loop-runner.ts";
import { recordDifferences } from "./store/postgres/testing/record-differences.ts";
import { seeded } from "./testing/seeded.ts";
import { type ServerProgram, ServerPrograms, transportTo } from "./testing/server-program.ts";
import { fanOut, fanOutJob, StubbornRunner } from "./testing/stubborn-runner.ts";

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

let postgres: TestPostgres;
beforeAll(async () => {
  // Its own, also when another one is given: it is stopped and started.
  postgres = await TestPostgres.start();
  await postgres.query("CREATE ROLE guarded LOGIN PASSWORD 'right'");
});
afterAll(() => postgres.stop());

const programs = new ServerPrograms();
let folder: string;
let database: string;
let url: string;
let databases = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
  database = `servers_${databases++}`;
  url = await postgres.createDatabase(database);
});
afterEach(async () => {
  await programs.killAll();
  await rm(folder, { recursive: true, force: true });
});

let folders = 0;

/** Starts a server on the shared database, with a data folder of its own. */
function startServer(options: { databaseUrl?: string; dataDir?: string; leaseMs?: number } = {}): ServerProgram {
  const { databaseUrl = url, dataDir = join(folder, `data-${folders++}`), leaseMs } = options;
  return programs.start({ dataDir, leaseMs, env: { SPANLOOM_DATABASE_URL: databaseUrl } });
}

async function startServers(count: number, leaseMs?: number): Promise<{ program: ServerProgram; url: string }[]> {
  const started = Array.from({ length: count }, () => startServer({ ...(leaseMs !== undefined && { leaseMs }) }));
  return Promise.all(started.map(async (program) => ({ program, url: await program.url })));
}

const jobsAt = (serverUrl: string) => createClient(JobService, transportTo(serverUrl));

async function query<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url, options: "-c search_path=spanloom" });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** Resolves once a runner's claim has found nothing, so that its long poll waits. */
async function waiting(runner: LoopRunner): Promise<void> {
  await waitFor(async () => (await query("SELECT 1 FROM runner WHERE id = $1", [runner.id])).length > 0);
}

async function allTasks(serverUrl: string, jobId: string): Promise<Task[]> {
  const tasks: Task[] = [];
  let pageToken = "";
  do {
    const page = await jobsAt(serverUrl).listTasks({ jobId, pageSize: 1_000, pageToken, includePayloads: true });
    tasks.push(...page.tasks);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return tasks;
}

/** Waits for the end of a job, across servers and databases that are away. */
async function ended(serverUrl: string, jobId: string): Promise<Job> {
  return waitFor(
    async () => {
      const { job } = await jobsAt(serverUrl)
        .getJob({ jobId })
        .catch(() => ({ job: undefined }));
      return job !== undefined && job.state >= JobState.SUCCEEDED && job;
    },
    { deadlineMs: 120_000, what: `the end of job ${jobId}` },
  );
}

describe("a start that cannot succeed says why and what to do", () => {
  it("when PostgreSQL does not answer", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const { code, errors } = await startServer({ databaseUrl: `postgres://me:s3cret@127.0.0.1:${port}/jobs` }).end;
    expect(code).toBe(1);
    expect(errors).toMatch(
      /^cannot connect to PostgreSQL database "jobs" at 127.0.0.1:\d+ as user "me": .*; check that/,
    );
    expect(errors).not.toContain("s3cret");
    expect(errors.trim().split("\n")).toHaveLength(1);
  });

  it("when the password is wrong", async () => {
    const wrong = postgres.url(database, { name: "guarded", password: "wr0ng" });
    const { code, errors } = await startServer({ databaseUrl: wrong }).end;
    expect(code).toBe(1);
    expect(errors).toMatch(/as user "guarded": password authentication failed .*; check the user and the password/);
    expect(errors).not.toContain("wr0ng");
  });

  it("when the tables are from a newer version", async () => {
    const first = startServer();
    await first.url;
    first.child.kill("SIGTERM");
    expect(await first.end).toEqual({ code: 0, errors: expect.stringContaining("stopping on SIGTERM") });
    await query("UPDATE meta SET value = 9999 WHERE key = 'schema_version'");
    const { code, errors } = await startServer().end;
    expect(code).toBe(1);
    expect(errors).toMatch(
      /^cannot use schema "spanloom" of PostgreSQL database .* version 9999.*start a newer Spanloom\n$/,
    );
  });

  it("when another server has the data folder, although the database may be shared", async () => {
    const dataDir = join(folder, "shared");
    const first = startServer({ dataDir });
    await first.url;
    const { code, errors } = await startServer({ dataDir }).end;
    expect(code).toBe(1);
    expect(errors).toContain(`another process has it open (pid ${first.child.pid})`);
  });
});

describe("any request goes to any server (P8)", () => {
  it("a job submitted to one wakes a runner at another and a client at a third", async () => {
    const [a = "", b = "", c = ""] = (await startServers(3)).map((server) => server.url);
    const runner = new LoopRunner(transportTo(b), { add: () => returned(3) });
    // A long poll that nobody wakes answers with no tasks; one that is answered with a task was woken.
    const poll = runner.exchange([], { waitMs: 30_000 });
    await waiting(runner);
    const { job } = await jobsAt(a).submitJob({
      name: "across",
      tasks: { specs: [{ identifier: { name: "add" } }], groups: [{ inputs: [json(1)], specs: [0] }] },
    });
    const jobId = job?.id ?? "";
    const { tasks } = await poll;
    expect(tasks).toHaveLength(1);
    const watched = watchUntilEnd(c, jobId);
    await watched.first;
    const wait = jobsAt(c).waitJobs({ jobIds: [jobId], wait: durationFromMs(30_000), includeOutputs: true });
    const { resultAcks } = await runner.exchange(runner.run(tasks).results);
    expect(resultAcks).toMatchObject([{ status: ResultStatus.OK }]);
    const { jobs } = await wait;
    expect(jobs).toMatchObject([{ id: jobId, state: JobState.SUCCEEDED }]);
    expect(jobs[0]?.outputs.map((output) => new TextDecoder().decode(output))).toEqual(["3"]);
    expect(await watched.states).toEqual(expect.arrayContaining([JobState.RUNNING, JobState.SUCCEEDED]));
  });

  it("a cancellation asked of one reaches a runner that waits at another", async () => {
    const [a = "", b = ""] = (await startServers(2)).map((server) => server.url);
    const runner = new LoopRunner(transportTo(b), { slow: () => returned(1) });
    const { job } = await jobsAt(a).submitJob({
      name: "cancelled",
      tasks: { specs: [{ identifier: { name: "slow" } }], groups: [{ inputs: [json(1)], specs: [0] }] },
    });
    const { tasks } = await runner.exchange([], { waitMs: 30_000 });
    expect(tasks).toHaveLength(1);
    const poll = runner.exchange([], { waitMs: 30_000 });
    await jobsAt(a).cancelJob({ jobId: job?.id ?? "", reason: "enough" });
    const { cancellations } = await poll;
    expect(cancellations).toMatchObject([{ taskId: tasks[0]?.taskId, attempt: 1 }]);
  });
});

/** States of a job as a stream shows them; `first` resolves with the first. */
function watchUntilEnd(serverUrl: string, jobId: string) {
  const first = Promise.withResolvers<void>();
  const states = (async () => {
    const seen: JobState[] = [];
    for await (const { job } of jobsAt(serverUrl).watchJob({ jobId })) {
      if (job) seen.push(job.state);
      first.resolve();
    }
    return seen;
  })();
  states.catch(first.reject); // also when nobody comes to wait for them
  return { first: first.promise, states };
}

/** The shortest a runner may ask for. */
const MIN_LEASE_MS = 5_000;

describe("timers", () => {
  it("fire once: retries, lost leases and deadlines with three servers that all look after them", async () => {
    const servers = await startServers(3);
    const jobs = jobsAt(servers[0]!.url);
    const retry = { maxAttempts: 3, initialDelay: durationFromMs(200), factor: 1, jitter: 0 };
    const inputs = Array.from({ length: 20 }, (_, i) => json(i));
    const submit = async (name: string, more: object = {}): Promise<string> => {
      const tasks = { specs: [{ identifier: { name }, retry }], groups: [{ inputs, specs: [0] }] };
      return (await jobs.submitJob({ name, tasks, ...more })).job?.id ?? "";
    };
    const flaky = await submit("flaky");
    const silent = await submit("silent");
    const late = await submit("late", { deadline: durationFromMs(700) });
    const failure = { type: "Error", message: "once", stack: "" };
    const code = {
      flaky: (task: { attempt: number }) =>
        task.attempt === 1 ? { outcome: { case: "failure" as const, value: { failure } as never } } : returned(1),
      silent: () => returned(1),
    };
    // Leased for as short as may be, and never heard of again: these leases expire, and no others.
    const lost = new LoopRunner(transportTo(servers[1]!.url), { silent: code.silent });
    expect((await lost.exchange([], { maxTasks: 20, leaseMs: MIN_LEASE_MS })).tasks).toHaveLength(20);
    const runners = servers.map((server) => new StubbornRunner(server.url, code as never));
    const running = runners.map((runner) => runner.run());
    for (const jobId of [flaky, silent, late]) await ended(servers[2]!.url, jobId);
    for (const runner of runners) runner.stop();
    await Promise.all(running);
    const outcomes = async (jobId: string) =>
      (await allTasks(servers[2]!.url, jobId)).map(({ attempts }) => attempts.map(({ outcome }) => outcome));
    const each = <T>(one: T): T[] => inputs.map(() => one);
    expect(await outcomes(flaky)).toEqual(each([AttemptOutcome.FAILURE, AttemptOutcome.SUCCESS]));
    expect(await outcomes(silent)).toEqual(each([AttemptOutcome.LOST, AttemptOutcome.SUCCESS]));
    expect(await outcomes(late)).toEqual(each([]));
    const { job } = await jobs.getJob({ jobId: late });
    expect(job).toMatchObject({ state: JobState.FAILED, failure: { type: "DeadlineExceeded" } });
    expect(await recordDifferences(url)).toEqual({});
  });
});

const WIDTH = 300;

/** What a server held that was killed is lost, and so runs again, after this. */
const SHORT_LEASE_MS = 3_000;

/** The job ended well, every task exactly once, and whatever a runner was told is so. */
async function expectIntact(serverUrl: string, jobId: string, runners: readonly StubbornRunner[]): Promise<void> {
  const job = await ended(serverUrl, jobId);
  expect(job).toMatchObject({ state: JobState.SUCCEEDED, counts: { succeeded: BigInt(WIDTH + 2) } });
  const tasks = await allTasks(serverUrl, jobId);
  expect(tasks).toHaveLength(WIDTH + 2);
  expect(tasks.every(({ state }) => state === TaskState.SUCCEEDED)).toBe(true);
  const successes = tasks.flatMap(({ id, attempts }) =>
    attempts.filter(({ outcome }) => outcome === AttemptOutcome.SUCCESS).map(({ number }) => `${id}/${number}`),
  );
  expect(new Set(successes.map((one) => one.split("/")[0])).size).toBe(successes.length);
  for (const { acknowledged } of runners) for (const one of acknowledged) expect(successes).toContain(one);
  const merge = tasks.find(({ identifier }) => identifier?.name === "merge");
  expect(new TextDecoder().decode(merge?.output)).toBe(String((WIDTH * (WIDTH - 1)) / 2));
  expect(await recordDifferences(url)).toEqual({});
}

interface Load {
  servers: { program: ServerProgram; url: string }[];
  runners: StubbornRunner[];
  jobId: string;
  /** Resolves once so many results were acknowledged. */
  reach(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Three servers, each with a runner, at work on one job. */
async function underLoad(): Promise<Load> {
  const servers = await startServers(3, SHORT_LEASE_MS);
  const runners = servers.map((server) => new StubbornRunner(server.url, fanOut(WIDTH)));
  const running = runners.map((runner) => runner.run());
  const { job } = await jobsAt(servers[0]!.url).submitJob(fanOutJob);
  const progress = (): number => runners.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  return {
    servers,
    runners,
    jobId: job?.id ?? "",
    reach: async (count) => void (await waitFor(() => progress() >= count, { deadlineMs: 120_000 })),
    stop: async () => {
      for (const runner of runners) runner.stop();
      await Promise.all(running);
    },
  };
}

describe("faults under load (P7)", () => {
  it.each([1, 2, 3])("seed %i: a server is killed with SIGKILL, the others go on and nothing is lost", async (seed) => {
    onTestFailed(() => console.error(`seed ${seed}`));
    const random = seeded(seed);
    const { servers, runners, jobId, reach, stop } = await underLoad();
    const victim = Math.floor(random() * servers.length);
    await reach(Math.floor(WIDTH * 0.8 * random()) + 1);
    servers[victim]!.program.child.kill("SIGKILL");
    const survivor = servers[(victim + 1) % servers.length]!;
    runners[victim]!.moveTo(survivor.url);
    const job = await ended(survivor.url, jobId);
    expect(job.state).toBe(JobState.SUCCEEDED);
    await stop();
    await expectIntact(survivor.url, jobId, runners);
  });

  it.each([1, 2])(
    "seed %i: PostgreSQL is restarted, servers come back by themselves and nothing is lost",
    async (seed) => {
      onTestFailed(() => console.error(`seed ${seed}`));
      const random = seeded(seed);
      const { servers, runners, jobId, reach, stop } = await underLoad();
      for (const share of [0.3, 0.6]) {
        await reach(Math.floor(WIDTH * (share * random())) + 1);
        await postgres.crash();
        await postgres.recover();
      }
      for (const { url: serverUrl } of servers) await ended(serverUrl, jobId);
      await stop();
      await expectIntact(servers[0]!.url, jobId, runners);
      for (const { program } of servers) expect(program.child.exitCode).toBeNull();
    },
  );
});
