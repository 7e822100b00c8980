import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { JobService, JobState, type LeasedTask, QueryService, TaskResultSchema, TaskService } from "@spanloom/protocol";
import { TestClickHouse, TestPostgres, waitFor } from "@spanloom/testing";
import { tableFromIPC } from "apache-arrow";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { logPayload, logRecord, span, tracePayload } from "./telemetry/ingest/otlp-fixture.ts";
import { openSpanCases, openTypes, startOpenJob } from "./testing/open-spans.ts";
import { type ServerProgram, ServerPrograms, transportTo } from "./testing/server-program.ts";
import { fanOut } from "./testing/stubborn-runner.ts";

let postgres: TestPostgres;
let clickhouse: TestClickHouse;
beforeAll(async () => {
  [postgres, clickhouse] = await Promise.all([TestPostgres.start(), TestClickHouse.start()]);
});
afterAll(() => Promise.all([postgres.stop(), clickhouse.stop()]));

const programs = new ServerPrograms();
let folder: string;
let databaseUrl: string;
let databases = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
  databaseUrl = await postgres.createDatabase(`telemetry_${databases++}`);
});
afterEach(async () => {
  await programs.killAll();
  await rm(folder, { recursive: true, force: true });
});

interface Server {
  program: ServerProgram;
  url: string;
}

async function startServer(name: string, leaseMs?: number): Promise<Server> {
  const env = { SPANLOOM_DATABASE_URL: databaseUrl, SPANLOOM_CLICKHOUSE_URL: clickhouse.url };
  const program = programs.start({ dataDir: join(folder, name), leaseMs, env });
  return { program, url: await program.url };
}

const jobsAt = ({ url }: Server) => createClient(JobService, transportTo(url));

const fanOutOf = (width: number) => ({
  code: fanOut(width),
  job: {
    name: "told",
    tasks: { specs: [{ identifier: { name: "root" } }], groups: [{ inputs: [Buffer.from("0")], specs: [0] }] },
  },
});

/** Telemetry of an attempt: a span below it, and a log record in that. */
function told({ trace, spanId, taskId, attempt }: LeasedTask) {
  const traceId = Buffer.from(trace?.traceparent.split("-")[1] ?? "", "hex");
  const parentSpanId = Buffer.from(spanId, "hex");
  const now = BigInt(Date.now()) * 1_000_000n;
  const inner = { traceId, spanId: crypto.getRandomValues(new Uint8Array(8)), name: "inner work" };
  const times = { startTimeUnixNano: now, endTimeUnixNano: now + 1_000n };
  const body = { value: { case: "stringValue" as const, value: `${taskId}/${attempt}` } };
  return {
    traces: tracePayload([span(1, { ...inner, ...times, parentSpanId })]),
    logs: logPayload([logRecord(1, { traceId, spanId: inner.spanId, timeUnixNano: now, body })]),
  };
}

/** A runner that tells of each attempt with its result, and makes a call that failed again. */
class TellingRunner {
  /** Attempts whose results, and so whose telemetry, were acknowledged. */
  readonly acknowledged = new Set<string>();
  readonly #id = crypto.randomUUID();
  readonly #code: ReturnType<typeof fanOut>;
  #server: Server;
  #stopped = false;
  #go = Promise.withResolvers<void>();

  constructor(server: Server, code: ReturnType<typeof fanOut>) {
    this.#server = server;
    this.#code = code;
    this.#go.resolve();
  }

  /** Makes no more calls until {@link resume}. */
  pause(): void {
    this.#go = Promise.withResolvers();
  }

  resume(): void {
    this.#go.resolve();
  }

  moveTo(server: Server): void {
    this.#server = server;
  }

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    let tasks: LeasedTask[] = [];
    while (!this.#stopped) {
      await this.#go.promise;
      try {
        tasks = await this.#exchange(tasks);
      } catch {
        await delay(20); // the server is gone: the same is told again, maybe to another
      }
    }
  }

  async #exchange(tasks: readonly LeasedTask[]): Promise<LeasedTask[]> {
    const telemetry = tasks.map(told);
    const answer = await createClient(TaskService, transportTo(this.#server.url)).leaseTasks({
      runnerId: this.#id,
      identifiers: Object.keys(this.#code).map((name) => ({ name })),
      maxTasks: 10,
      wait: { nanos: 200_000_000 },
      telemetry: { traces: telemetry.map(({ traces }) => traces), logs: telemetry.map(({ logs }) => logs) },
      results: tasks.map((task) => {
        const { taskId, attempt, leaseToken } = task;
        const { outcome } = this.#code[task.identifier?.name ?? ""]!(task);
        return create(TaskResultSchema, { taskId, attempt, leaseToken, outcome });
      }),
    });
    for (const { taskId, attempt } of answer.resultAcks) this.acknowledged.add(`${taskId}/${attempt}`);
    return answer.tasks;
  }
}

interface SpanRow {
  span_id: string;
  parent_span_id: string | null;
  type: string;
  end_time: unknown;
}

async function spansAt({ url }: Server, jobId: string): Promise<SpanRow[]> {
  const rows: SpanRow[] = [];
  const columns = ["span_id", "parent_span_id", "type", "end_time"];
  for await (const { chunk } of createClient(QueryService, transportTo(url)).querySpans({
    filter: { jobIds: [jobId] },
    columns,
  }))
    rows.push(...(tableFromIPC(chunk?.ipc ?? new Uint8Array()).toArray() as SpanRow[]));
  return rows;
}

async function logsAt({ url }: Server, jobId: string): Promise<string[]> {
  const bodies: string[] = [];
  const request = { filter: { jobIds: [jobId] }, columns: ["body"] };
  for await (const { chunk } of createClient(QueryService, transportTo(url)).queryLogs(request))
    for (const { body } of tableFromIPC(chunk?.ipc ?? new Uint8Array()).toArray() as { body: string }[])
      bodies.push(body);
  return bodies;
}

/** What a job's spans come to: how many of each type, how many open, how many without their parent. */
function shape(rows: readonly SpanRow[]) {
  const ids = new Set(rows.map(({ span_id }) => span_id));
  const count = (type: string): number => rows.filter((row) => row.type === type).length;
  return {
    job: count("job"),
    task: count("task"),
    attempt: count("attempt"),
    user: count("user"),
    twice: rows.length - ids.size,
    open: rows.filter(({ end_time: end }) => end === null).length,
    orphans: rows.filter(({ parent_span_id: parent }) => parent !== null && !ids.has(parent)).length,
  };
}

/** The end of a job as a client sees it at once: it asks over and over. */
async function ended(server: Server, jobId: string): Promise<void> {
  await waitFor(
    async () => {
      const { job } = await jobsAt(server).getJob({ jobId });
      return job !== undefined && job.state >= JobState.SUCCEEDED;
    },
    { deadlineMs: 120_000, what: `the end of job ${jobId}` },
  );
}

describe("a query to another server than the report went to (P2)", () => {
  it("finds every span and log record at once, 20 times over", async () => {
    const [a, b] = await Promise.all([startServer("a"), startServer("b")]);
    const { code, job } = fanOutOf(8);
    const runner = new TellingRunner(a, code);
    const running = runner.run();
    for (let round = 0; round < 20; round++) {
      const jobId = (await jobsAt(b).submitJob(job)).job?.id ?? "";
      await ended(b, jobId);
      const [spans, logs] = await Promise.all([spansAt(b, jobId), logsAt(b, jobId)]);
      expect(shape(spans)).toEqual({ job: 1, task: 10, attempt: 10, user: 10, twice: 0, open: 0, orphans: 0 });
      expect(new Set(logs).size).toBe(10);
      expect(logs).toHaveLength(10);
    }
    runner.stop();
    await running;
  });

  it("is complete also when runners and reports are spread over servers", async () => {
    const servers = await Promise.all(["a", "b", "c"].map((name) => startServer(name)));
    const { code, job } = fanOutOf(100);
    const runners = servers.map((server) => new TellingRunner(server, code));
    const running = runners.map((runner) => runner.run());
    for (let round = 0; round < 5; round++) {
      const jobId = (await jobsAt(servers[round % 3]!).submitJob(job)).job?.id ?? "";
      const asked = servers[(round + 1) % 3]!;
      await ended(asked, jobId);
      const [spans, logs] = await Promise.all([spansAt(asked, jobId), logsAt(asked, jobId)]);
      expect(shape(spans)).toEqual({ job: 1, task: 102, attempt: 102, user: 102, twice: 0, open: 0, orphans: 0 });
      expect([new Set(logs).size, logs.length]).toEqual([102, 102]);
    }
    for (const runner of runners) runner.stop();
    await Promise.all(running);
  });
});

describe("a tail at another server than the report went to (P3)", () => {
  it("shows every span of a job as it opens and ends, and ends with its server", async () => {
    const [a, b] = await Promise.all([startServer("a"), startServer("b")]);
    const { code, job } = fanOutOf(8);
    const runner = new TellingRunner(a, code);
    const running = runner.run();
    const latest = new Map<string, SpanRow>();
    const bodies: string[] = [];
    const columns = ["span_id", "parent_span_id", "type", "end_time"];
    const queries = createClient(QueryService, transportTo(b.url));
    let heard = 0;
    const spans = (async () => {
      for await (const { chunk } of queries.tailSpans({ columns })) {
        heard++;
        for (const row of tableFromIPC(chunk?.ipc ?? new Uint8Array()).toArray() as SpanRow[]) {
          latest.set(row.span_id, row);
        }
      }
    })().catch((error: unknown) => error);
    const logs = (async () => {
      for await (const { chunk } of queries.tailLogs({ columns: ["body"] })) {
        heard++;
        for (const { body } of tableFromIPC(chunk?.ipc ?? new Uint8Array()).toArray() as { body: string }[])
          bodies.push(body);
      }
    })().catch((error: unknown) => error);
    await waitFor(() => heard === 2);
    const jobId = (await jobsAt(a).submitJob(job)).job?.id ?? "";
    await ended(a, jobId);
    await waitFor(() => latest.size >= 31 && shape([...latest.values()]).open === 0, {
      what: "31 spans that have ended",
    });
    expect(shape([...latest.values()])).toEqual(shape(await spansAt(a, jobId)));
    await waitFor(() => bodies.length >= 10, { what: "10 log records" });
    expect(bodies.sort()).toEqual((await logsAt(a, jobId)).sort());
    runner.stop();
    await running;
    b.program.child.kill("SIGTERM");
    const rawMessage = "cannot finish the call: the client left or the server is stopping";
    for (const tail of [spans, logs]) expect(await tail).toMatchObject({ rawMessage });
  });

  it("goes on at the other server when its own is killed, misses nothing, and ends with the job", async () => {
    const [a, b] = await Promise.all([startServer("a"), startServer("b")]);
    const { code, job } = fanOutOf(400);
    const runner = new TellingRunner(a, code);
    const running = runner.run();
    const jobId = (await jobsAt(a).submitJob(job)).job?.id ?? "";
    await waitFor(() => runner.acknowledged.size > 0);
    runner.pause();
    const bodies: string[] = [];
    let position = "";
    const follow = async (server: Server) => {
      const request = { filter: { jobIds: [jobId] }, columns: ["body"], includeExisting: true, position };
      for await (const answer of createClient(QueryService, transportTo(server.url)).tailLogs(request)) {
        position = answer.position;
        for (const { body } of tableFromIPC(answer.chunk?.ipc ?? new Uint8Array()).toArray() as { body: string }[])
          bodies.push(body);
      }
    };
    const cut = follow(b).catch(() => "cut");
    await waitFor(() => position !== "" && bodies.length > 0);
    b.program.child.kill("SIGKILL");
    expect(await cut).toBe("cut");
    const before = bodies.length;
    runner.resume();
    await ended(a, jobId);
    await follow(a);
    expect(before).toBeLessThan(402);
    expect(bodies.sort()).toEqual((await logsAt(a, jobId)).sort());
    runner.stop();
    await running;
  });
});

describe("spans that are open, at another server (P3)", () => {
  it("are found by conditions that hold for them as they are", async () => {
    const [a, b] = await Promise.all([startServer("a"), startServer("b")]);
    const job = await startOpenJob(transportTo(a.url));
    for (const [name, filter, types] of openSpanCases)
      expect([name, await openTypes(transportTo(b.url), job, filter(job))]).toEqual([name, types]);
  });
});

describe("several servers on one PostgreSQL and one ClickHouse (P8)", () => {
  it("a server killed with SIGKILL: lifecycle spans are complete without it, all others once it is back (P1)", async () => {
    const width = 200;
    // What A leased and was killed before it could tell is lost, and so runs again, after this.
    const leaseMs = 3_000;
    let a = await startServer("a", leaseMs);
    const b = await startServer("b", leaseMs);
    const { code, job } = fanOutOf(width);
    const runner = new TellingRunner(a, code);
    const running = runner.run();
    const jobId = (await jobsAt(a).submitJob(job)).job?.id ?? "";
    await waitFor(() => runner.acknowledged.size >= 20);
    // What is told from now on stays in the spool of A, and work goes on all the same (P4).
    runner.pause();
    await clickhouse.crash();
    runner.resume();
    await waitFor(() => runner.acknowledged.size >= 100);
    a.program.child.kill("SIGKILL");
    await a.program.end;
    runner.moveTo(b);
    await ended(b, jobId);
    runner.stop();
    await running;
    await clickhouse.recover();
    const count = width + 2;
    const isClosed = ({ job: jobs, task, open }: ReturnType<typeof shape>) =>
      jobs === 1 && task === count && open === 0;
    const without = await waitFor(
      async () => {
        const found = await spansAt(b, jobId).then(shape, () => undefined);
        return found !== undefined && isClosed(found) && found;
      },
      { what: "closed lifecycle spans of all tasks" },
    );
    expect(without).toMatchObject({ twice: 0, orphans: 0 });
    expect(without.user).toBeLessThan(runner.acknowledged.size);
    a = await startServer("a");
    for (const server of [a, b]) {
      const spans = shape(await spansAt(server, jobId));
      expect(spans).toMatchObject({ job: 1, task: count, attempt: without.attempt, twice: 0, open: 0, orphans: 0 });
      const logs = await logsAt(server, jobId);
      expect([...runner.acknowledged].filter((one) => !logs.includes(one))).toEqual([]);
    }
  });

  it("servers start, run jobs and keep their telemetry while ClickHouse is away (P4)", async () => {
    await clickhouse.crash();
    const [a, b] = await Promise.all([startServer("a"), startServer("b")]);
    const { code, job } = fanOutOf(8);
    const runner = new TellingRunner(a, code);
    const running = runner.run();
    const jobId = (await jobsAt(b).submitJob(job)).job?.id ?? "";
    await ended(b, jobId);
    await expect(spansAt(b, jobId)).rejects.toThrow(/telemetry/);
    await clickhouse.recover();
    const spans = await waitFor(() => spansAt(b, jobId).catch(() => undefined));
    expect(shape(spans ?? [])).toEqual({ job: 1, task: 10, attempt: 10, user: 10, twice: 0, open: 0, orphans: 0 });
    runner.stop();
    await running;
  });

  it("a server that does not answer is left out after a while, and the log says so", async () => {
    const [a, b] = await Promise.all([startServer("a"), startServer("b")]);
    let errors = "";
    b.program.child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    a.program.child.kill("SIGSTOP");
    const jobId = (await jobsAt(b).submitJob(fanOutOf(1).job)).job?.id ?? "";
    expect(shape(await spansAt(b, jobId))).toMatchObject({ job: 1, task: 1 });
    await waitFor(() => /telemetry: answers may lack what other servers hold: \S+ does not answer/.test(errors), {
      what: "a line of the log",
    });
    a.program.child.kill("SIGCONT");
    await waitFor(
      async () => {
        await spansAt(b, jobId);
        return errors.includes("answers are complete again");
      },
      { what: "complete answers" },
    );
  });
});
