import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import {
  AttemptOutcome,
  JobService,
  JobState,
  QueryService,
  ResultStatus,
  type Task,
  TaskState,
} from "@spanloom/protocol";
import { tableFromIPC } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it, onTestFailed } from "vitest";
import { LoopRunner, returned } from "./rpc/testing/loop-runner.ts";

const program = join(import.meta.dirname, "bin", "spanloom-server.ts");
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
  await rm(folder, { recursive: true, force: true });
});

interface Program {
  child: ChildProcess;
  /** Of the line it prints when it listens; rejects when it ends before. */
  url: Promise<string>;
  /** Exit code or signal, and what it wrote to standard error. */
  end: Promise<{ code: number | string | null; errors: string }>;
}

/** Starts the real server program. */
function startProgram(args: readonly string[] = [], env: Record<string, string> = {}, uid?: number): Program {
  const base = ["--port", "0", "--data-dir", join(folder, "data"), "--default-lease-ms", "1000"];
  const child = spawn(process.execPath, [program, ...base, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid !== undefined && { uid }),
  });
  children.push(child);
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const end = once(child, "close").then(([code, signal]) => ({
    code: (code ?? signal) as number | string | null,
    errors,
  }));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const url = Promise.race([
    once(lines, "line").then(([line]) => /listening on (\S+)/.exec(line as string)?.[1] ?? ""),
    end.then(({ errors: text }) => Promise.reject(new Error(`the server ended: ${text}`))),
  ]);
  url.catch(() => {}); // tests that expect no URL do not ask for it
  return { child, url, end };
}

const transportTo = (url: string): Transport => createConnectTransport({ baseUrl: url, httpVersion: "1.1" });

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

/** A small, fast, seeded generator (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const WIDTH = 200;

/** Runs until the job ends, across kills of the server: a failed call keeps its results and is made again. */
class StubbornRunner {
  /** Results acknowledged as OK, by task and attempt. */
  readonly acknowledged = new Set<string>();
  #transport: Transport;
  #runner: LoopRunner;
  #stopped = false;
  /** Resolves when there is another server to talk to, or none any more. */
  #moved = Promise.withResolvers<void>();
  readonly #id = crypto.randomUUID();

  constructor(url: string) {
    this.#transport = transportTo(url);
    this.#runner = this.#make();
  }

  #make(): LoopRunner {
    const code = {
      root: () => {
        const inputs = Array.from({ length: WIDTH }, (_, i) => json(i));
        return returned("root", {
          specs: [{ identifier: { name: "leaf" } }, { identifier: { name: "merge" } }],
          groups: [
            { inputs, specs: [0] },
            { inputs: [json(null)], specs: [1], dependsOn: [0] },
          ],
        });
      },
      leaf: (task: { input: Uint8Array }) => returned(JSON.parse(new TextDecoder().decode(task.input))),
      merge: (task: { dependencies: { output: Uint8Array }[] }) =>
        returned(task.dependencies.reduce((sum, one) => sum + Number(new TextDecoder().decode(one.output)), 0)),
    };
    return new LoopRunner(this.#transport, code as never, this.#id);
  }

  moveTo(url: string): void {
    this.#transport = transportTo(url);
    this.#runner = this.#make();
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  stop(): void {
    this.#stopped = true;
    this.#moved.resolve();
  }

  async run(): Promise<void> {
    let work: ReturnType<LoopRunner["run"]> = { results: [], traces: [] };
    while (!this.#stopped) {
      const runner = this.#runner;
      try {
        const answer = await runner.exchange(work.results, { maxTasks: 5, waitMs: 200 });
        for (const { taskId, attempt, status } of answer.resultAcks)
          if (status === ResultStatus.OK) this.acknowledged.add(`${taskId}/${attempt}`);
        work = runner.run(answer.tasks);
      } catch {
        // The server is gone: the results are kept and reported to the next one.
        if (runner === this.#runner) await this.#moved.promise;
      }
    }
  }
}

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
      const submitted = await createClient(JobService, transportTo(url)).submitJob({
        name: "survivor",
        tasks: { specs: [{ identifier: { name: "root" } }], groups: [{ inputs: [json(0)], specs: [0] }] },
      });
      const jobId = submitted.job?.id ?? "";
      const runners = [new StubbornRunner(url), new StubbornRunner(url)];
      const running = runners.map((runner) => runner.run());
      const progress = (): number => runners.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
      for (let kill = 0; kill < 3; kill++) {
        const until = Math.floor((WIDTH / 3) * (kill + random()));
        await expect.poll(progress, { interval: 1, timeout: 30_000 }).toBeGreaterThanOrEqual(until);
        server.child.kill("SIGKILL");
        await server.end;
        server = startProgram();
        url = await server.url;
        for (const runner of runners) runner.moveTo(url);
      }
      const jobs = createClient(JobService, transportTo(url));
      const { jobs: ended } = await jobs.waitJobs({ jobIds: [jobId], wait: { seconds: 25n } });
      for (const runner of runners) runner.stop();
      await Promise.all(running);
      expect(ended).toMatchObject([{ state: JobState.SUCCEEDED, counts: { succeeded: BigInt(WIDTH + 2) } }]);
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
    120_000,
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
