import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { createClient, createRouterTransport, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import {
  type ArrowChunk,
  attemptSpanId,
  defaultLimits,
  fromConnectError,
  hexToBytes,
  JobService,
  JobState,
  type LeasedTask,
  QueryService,
  ResultStatus,
  RunnerService,
  type SpanloomError,
  TaskService,
  TaskState,
} from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { tableFromIPC } from "apache-arrow";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { SpanHandout } from "./closed-spans/span-handout.ts";
import { errorInterceptor } from "./rpc/error-interceptor.ts";
import { JobChanges } from "./rpc/job-changes.ts";
import { LeaseWaiters } from "./rpc/lease-waiters.ts";
import { registerServices } from "./rpc/service-route.ts";
import { LoopRunner, returned, type TaskCode } from "./rpc/testing/loop-runner.ts";
import { type RunningServer, serve, spanloomServices } from "./serve.ts";
import { SqliteStore } from "./store/sqlite/index.ts";
import { ChdbSpanStore } from "./telemetry/columnar/chdb/index.ts";
import { createTelemetry } from "./telemetry/telemetry-plane.ts";
import { openSpanCases, openTypes, startOpenJob } from "./testing/open-spans.ts";

let folder: string;
let server: RunningServer;
let memory: Transport;
const waitersAndChanges: { stop(): void }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
  const clock = systemClock;
  const log = (line: string): void => console.error(line);
  const store = new SqliteStore({ dataDir: folder, nowUs: () => clock.nowUs() });
  const spanStore = new ChdbSpanStore({ dataDir: join(folder, "telemetry") });
  const telemetry = createTelemetry({ dataDir: folder, store, spanStore, clock, log });
  const parts = { store, telemetry, clock, limits: defaultLimits, log };
  server = await serve({ ...parts, host: "127.0.0.1", port: 0, token: undefined, graceMs: 2_000 });
  // The same stores once more, without HTTP.
  const changes = new JobChanges(store);
  const waiters = new LeaseWaiters(store, clock);
  const handout = new SpanHandout({ ...parts, random: Math.random, leaseMs: parts.limits.defaultLeaseMs });
  changes.start();
  waiters.start();
  waitersAndChanges.push(changes, waiters);
  const routes = spanloomServices({ ...parts, changes, waiters, handout });
  memory = createRouterTransport((router) => registerServices(router, routes), {
    router: { interceptors: [errorInterceptor(log)] },
  });
});

afterAll(async () => {
  for (const part of waitersAndChanges) part.stop();
  await server.stop();
  await rm(folder, { recursive: true });
});

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** Every test has task names of its own, so that runners of one never lease another's tasks. */
let prefix = "";
beforeEach(() => {
  prefix = crypto.randomUUID().slice(0, 8);
});

/** A job of one task. */
const single = (name: string, input: unknown = {}) => ({
  name: `job of ${name}`,
  tasks: { specs: [{ identifier: { name: prefix + name } }], groups: [{ inputs: [json(input)], specs: [0] }] },
});

/** An OTLP payload with one span below the attempt. */
function userSpan(task: LeasedTask, name: string): Uint8Array {
  const [, traceId = ""] = task.trace?.traceparent.split("-") ?? [];
  const now = BigInt(Date.now()) * 1_000_000n;
  return toBinary(
    ExportTraceServiceRequestSchema,
    create(ExportTraceServiceRequestSchema, {
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: [
                {
                  traceId: hexToBytes(traceId),
                  spanId: crypto.getRandomValues(new Uint8Array(8)),
                  parentSpanId: hexToBytes(attemptSpanId(task.taskId, task.attempt)),
                  traceState: task.trace?.tracestate ?? "",
                  name,
                  startTimeUnixNano: now,
                  endTimeUnixNano: now,
                },
              ],
            },
          ],
        },
      ],
    }),
  );
}

async function failure(call: Promise<unknown>): Promise<SpanloomError> {
  return call.then(
    () => expect.fail("the call succeeded"),
    (error: unknown) => fromConnectError(error),
  );
}

const transports: Readonly<Record<string, () => Transport>> = {
  "a router in memory": () => memory,
  "Connect over HTTP/1.1": () => createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }),
  "Connect over HTTP/2": () => createConnectTransport({ baseUrl: server.url, httpVersion: "2" }),
  JSON: () => createConnectTransport({ baseUrl: server.url, httpVersion: "1.1", useBinaryFormat: false }),
  gRPC: () => createGrpcTransport({ baseUrl: server.url }),
};

for (const [name, makeTransport] of Object.entries(transports))
  describe(`a server, over ${name}`, () => {
    const clients = () => {
      const transport = makeTransport();
      return {
        transport,
        jobs: createClient(JobService, transport),
        queries: createClient(QueryService, transport),
        tasks: createClient(TaskService, transport),
        runners: createClient(RunnerService, transport),
      };
    };
    const runner = (code: Readonly<Record<string, TaskCode>>) =>
      new LoopRunner(
        makeTransport(),
        Object.fromEntries(Object.entries(code).map(([name, one]) => [prefix + name, one])),
      );

    it("runs a job with children and gives its output and tree", async () => {
      const { jobs } = clients();
      const { job } = await jobs.submitJob(single("root"));
      const acks = await runner({
        root: () =>
          returned("root output", {
            specs: [{ identifier: { name: `${prefix}leaf` } }, { identifier: { name: `${prefix}merge` } }],
            groups: [
              { inputs: [json(1), json(2)], specs: [0] },
              { inputs: [json(null)], specs: [1], dependsOn: [0] },
            ],
          }),
        leaf: (task) => returned(Number(new TextDecoder().decode(task.input)) * 10),
        merge: (task) => returned(task.dependencies.map(({ output }) => JSON.parse(new TextDecoder().decode(output)))),
      }).drain();
      expect(acks.map(({ status }) => status)).toEqual(Array(4).fill(ResultStatus.OK));
      const ended = await jobs.getJob({ jobId: job?.id ?? "", includeOutputs: true });
      expect(ended.job).toMatchObject({ state: JobState.SUCCEEDED, outputs: [json("root output")], attempts: 4n });
      const { tasks } = await jobs.listTasks({ jobId: job?.id ?? "", includePayloads: true });
      expect(tasks.map(({ state }) => state)).toEqual(Array(4).fill(TaskState.SUCCEEDED));
      const merge = tasks.find(({ identifier }) => identifier?.name === `${prefix}merge`);
      expect(new TextDecoder().decode(merge?.output)).toBe("[10,20]");
      const task = await jobs.getTask({ taskId: merge?.id ?? "" });
      expect(task.task).toMatchObject({ parentId: tasks[0]?.id, attemptCount: 1, dependencyCount: 2 });
    });

    it("finds the spans of a job right after it ended (P2)", async () => {
      const { jobs, queries } = clients();
      const { job } = await jobs.submitJob(single("work"));
      await runner({ work: (task) => ({ ...returned(1), telemetry: userSpan(task, "inner work") }) }).drain();
      const ended = await jobs.waitJobs({ jobIds: [job?.id ?? ""] });
      expect(ended.jobs).toMatchObject([{ state: JobState.SUCCEEDED }]);
      const names: string[] = [];
      for await (const { chunk } of queries.querySpans({
        filter: { jobIds: [job?.id ?? ""] },
        columns: ["name", "type"],
      })) {
        for (const row of tableFromIPC(chunk?.ipc ?? new Uint8Array())) names.push(`${row.type} ${row.name}`);
      }
      expect(names.sort()).toEqual([
        `attempt ${prefix}work`,
        "job job job of work",
        `task task ${prefix}work`,
        "user inner work",
      ]);
    });

    it("follows the spans of a job, and measures and compares them when it has ended (P2, P3)", async () => {
      const { jobs, queries } = clients();
      const { job } = await jobs.submitJob(single("work"));
      const jobId = job?.id ?? "";
      const filter = { jobIds: [jobId] };
      const ended = new Set<string>();
      const bodies: string[] = [];
      const spans = queries.tailSpans({ filter, columns: ["name", "type", "end_time"], includeExisting: true });
      const logs = queries.tailLogs({ filter, columns: ["body"] });
      const following = Promise.all([
        (async () => {
          for await (const { chunk } of spans)
            for (const row of tableFromIPC(chunk?.ipc ?? new Uint8Array()))
              if (row.end_time !== null) ended.add(row.type);
        })(),
        (async () => {
          for await (const { chunk } of logs)
            for (const { body } of tableFromIPC(chunk?.ipc ?? new Uint8Array())) bodies.push(body);
        })(),
      ]);
      await runner({ work: (task) => ({ ...returned(1), telemetry: userSpan(task, "inner work") }) }).drain();
      await following;
      expect([...ended].sort()).toEqual(["attempt", "job", "task", "user"]);
      expect(bodies).toEqual([]);
      const rowsOf = async (answer: AsyncIterable<{ chunk?: ArrowChunk | undefined }>) => {
        const rows: Record<string, unknown>[] = [];
        for await (const { chunk } of answer)
          for (const row of tableFromIPC(chunk?.ipc ?? new Uint8Array())) rows.push(row.toJSON());
        return rows;
      };
      const groupBy = [{ key: { case: "column" as const, value: "type" } }];
      expect(await rowsOf(queries.aggregateSpans({ filter, groupBy, measures: [1] }))).toEqual(
        ["attempt", "job", "task", "user"].map((type) => ({ type, count: 1n })),
      );
      const same = await rowsOf(queries.compareJobs({ baseJobId: jobId, otherJobId: jobId }));
      expect(same.map(({ change }) => change)).toEqual(["same", "same", "same", "same"]);
    });

    it("finds spans that are open by conditions that hold for them as they are (P3)", async () => {
      const transport = makeTransport();
      const job = await startOpenJob(transport);
      for (const [name, filter, types] of openSpanCases)
        expect([name, await openTypes(transport, job, filter(job))]).toEqual([name, types]);
    });

    it("answers a long poll as soon as a task is ready, and WaitJobs as soon as its job ends", async () => {
      const { jobs } = clients();
      const one = runner({ later: () => returned(1) });
      const poll = one.exchange([], { waitMs: 20_000 });
      const { job } = await jobs.submitJob(single("later"));
      const { tasks } = await poll;
      expect(tasks).toHaveLength(1);
      const ended = jobs.waitJobs({ jobIds: [job?.id ?? ""], wait: { seconds: 20n } });
      await one.exchange(one.run(tasks).results, { maxTasks: 0 });
      expect((await ended).jobs).toMatchObject([{ id: job?.id, state: JobState.SUCCEEDED }]);
    });

    it("streams a job until it ends", async () => {
      const { jobs } = clients();
      const { job } = await jobs.submitJob(single("watched"));
      const states: JobState[] = [];
      for await (const change of jobs.watchJob({ jobId: job?.id ?? "" })) {
        states.push(change.job?.state ?? JobState.UNSPECIFIED);
        if (states.length === 1) await runner({ watched: () => returned(1) }).drain();
      }
      expect(states[0]).toBe(JobState.QUEUED);
      expect(states.at(-1)).toBe(JobState.SUCCEEDED);
    });

    it("leases each task to one of two runners", async () => {
      const { jobs } = clients();
      const inputs = Array.from({ length: 50 }, (_, i) => json(i));
      await jobs.submitJob({
        name: "wide",
        tasks: { specs: [{ identifier: { name: `${prefix}wide` } }], groups: [{ inputs, specs: [0] }] },
      });
      const ran: string[] = [];
      const code = {
        wide: (task: LeasedTask) => {
          ran.push(task.taskId);
          return returned(1);
        },
      };
      await Promise.all([runner(code).drain(), runner(code).drain()]);
      expect(new Set(ran).size).toBe(50);
      expect(ran).toHaveLength(50);
    });

    it("gives the same job for the same key and request, and names it for another request", async () => {
      const { jobs } = clients();
      const idempotencyKey = crypto.randomUUID();
      const first = await jobs.submitJob({ ...single("once"), idempotencyKey });
      const again = await jobs.submitJob({ ...single("once"), idempotencyKey });
      expect([first.existed, again.existed, again.job?.id]).toEqual([false, true, first.job?.id]);
      const error = await failure(jobs.submitJob({ ...single("other"), idempotencyKey }));
      expect(error).toMatchObject({ reason: "IDEMPOTENCY_CONFLICT", facts: { metadata: { job_id: first.job?.id } } });
    });

    it("answers each of many jobs by itself", async () => {
      const { jobs } = clients();
      const { results } = await jobs.submitJobs({ jobs: [single("a"), { name: "" }, single("b")] });
      expect(results.map(({ result }) => result.case)).toEqual(["submitted", "error", "submitted"]);
      expect(results[1]?.result.value).toMatchObject({
        code: "invalid_argument",
        message: expect.stringContaining("tasks"),
      });
    });

    it("pages through jobs and tasks", async () => {
      const { jobs } = clients();
      const tag = { run: prefix };
      await jobs.submitJobs({ jobs: ["a", "b", "c"].map((name) => ({ ...single(name), tags: tag })) });
      const filter = { tags: tag };
      const first = await jobs.listJobs({ filter, pageSize: 2 });
      const second = await jobs.listJobs({ filter, pageSize: 2, pageToken: first.nextPageToken });
      expect([...first.jobs, ...second.jobs].map(({ name }) => name)).toEqual(["job of c", "job of b", "job of a"]);
      expect(second.nextPageToken).toBe("");
      const error = await failure(jobs.listJobs({ filter: {}, pageToken: first.nextPageToken }));
      expect(error.reason).toBe("INVALID_PAGE_TOKEN");
      expect((await jobs.countJobs({ filter })).counts).toMatchObject([{ state: JobState.QUEUED, count: 3n }]);
    });

    it("cancels a job and tells its runner", async () => {
      const { jobs } = clients();
      const one = runner({ slow: () => returned(1) });
      const { job } = await jobs.submitJob(single("slow"));
      const { tasks } = await one.exchange([]);
      const poll = one.exchange([], { waitMs: 20_000 });
      const cancelled = await jobs.cancelJob({ jobId: job?.id ?? "", reason: "changed my mind" });
      expect(cancelled.job).toMatchObject({ state: JobState.CANCELLING, cancelReason: "changed my mind" });
      expect((await poll).cancellations).toMatchObject([{ taskId: tasks[0]?.taskId, attempt: 1 }]);
    });

    it("ignores a stale result, refuses a bad one and takes the good one beside them", async () => {
      const { jobs } = clients();
      await jobs.submitJobs({ jobs: [single("x"), single("x"), single("x")] });
      const one = runner({ x: () => returned(1) });
      const { tasks } = await one.exchange([]);
      const { results } = one.run(tasks);
      const [good, stale, bad] = results;
      if (!good || !stale || !bad) throw new Error("three results expected");
      stale.leaseToken = new Uint8Array(16).fill(7);
      bad.outcome = { case: undefined };
      const unknown = { ...structuredClone(good), taskId: crypto.randomUUID() };
      const noLease = { ...structuredClone(good), taskId: "nonsense" };
      const { resultAcks } = await one.exchange([good, stale, bad, unknown, noLease], { maxTasks: 0 });
      expect(resultAcks.map(({ status }) => status)).toEqual([
        ResultStatus.OK,
        ResultStatus.STALE_LEASE,
        ResultStatus.INVALID,
        ResultStatus.STALE_LEASE,
        ResultStatus.INVALID,
      ]);
      expect(resultAcks[4]?.message).toContain('"nonsense"');
      const again = await one.exchange([good], { maxTasks: 0 });
      expect(again.resultAcks).toMatchObject([{ status: ResultStatus.OK }]);
    });

    it("lets a task that nobody can run wait", async () => {
      const { jobs } = clients();
      const { job } = await jobs.submitJob(single("unheard of"));
      expect((await runner({ known: () => returned(1) }).exchange([])).tasks).toEqual([]);
      expect((await jobs.getJob({ jobId: job?.id ?? "" })).job).toMatchObject({
        state: JobState.QUEUED,
        counts: { queued: 1n },
      });
    });

    it("registers, lists, drains and forgets a runner", async () => {
      const { runners } = clients();
      const id = crypto.randomUUID();
      const queue = `queue-${prefix}`;
      const granted = await runners.registerRunner({
        runner: { id, host: "here", queues: [queue], identifiers: [{ name: "a" }] },
      });
      expect(granted).toMatchObject({ leaseDuration: { seconds: 15n }, heartbeatInterval: { seconds: 5n } });
      expect((await runners.listRunners({ queue })).runners).toMatchObject([{ id, host: "here" }]);
      await runners.drainRunner({ runnerId: id });
      const answer = await createClient(TaskService, makeTransport()).leaseTasks({
        runnerId: id,
        wait: { seconds: 20n },
      });
      expect(answer.drain).toBe(true);
      await runners.unregisterRunner({ runnerId: id });
      expect((await runners.listRunners({ queue })).runners).toEqual([]);
    });

    it.each([
      ["oversized input", { groups: [{ inputs: [new Uint8Array(300 * 1024)], specs: [0] }] }, "LIMIT_EXCEEDED"],
      [
        "a forward dependency",
        {
          groups: [
            { inputs: [json(1)], specs: [0], dependsOn: [1] },
            { inputs: [json(1)], specs: [0] },
          ],
        },
        "INVALID_DEPENDENCY",
      ],
      ["a cyclic dependency", { groups: [{ inputs: [json(1)], specs: [0], dependsOn: [0] }] }, "INVALID_DEPENDENCY"],
      ["no group", { groups: [] }, "INVALID_FIELD"],
    ])("refuses a job with %s, naming the field", async (_what, { groups }, reason) => {
      const { jobs } = clients();
      const tasks = { specs: [{ identifier: { name: "a" } }], groups };
      const error = await failure(jobs.submitJob({ name: "bad", tasks }));
      expect(error.reason).toBe(reason);
      expect(error.facts.field).toMatch(/^tasks/);
    });

    it("refuses duplicate identifiers, too many results and unknown ids", async () => {
      const { tasks, jobs } = clients();
      const runnerId = crypto.randomUUID();
      const duplicate = tasks.leaseTasks({ runnerId, maxTasks: 1, identifiers: [{ name: "a" }, { name: "a" }] });
      expect(await failure(duplicate)).toMatchObject({
        reason: "INVALID_FIELD",
        facts: { field: "identifiers[1]" },
      });
      const many = tasks.leaseTasks({ runnerId, results: Array.from({ length: 1_001 }, () => ({})) });
      expect(await failure(many)).toMatchObject({ reason: "LIMIT_EXCEEDED", facts: { limit: 1_000, actual: 1_001 } });
      const greedy = tasks.leaseTasks({ runnerId, maxTasks: 1_001, identifiers: [{ name: "a" }] });
      expect(await failure(greedy)).toMatchObject({ reason: "LIMIT_EXCEEDED", facts: { field: "max_tasks" } });
      expect(await failure(tasks.leaseTasks({ runnerId: "me" }))).toMatchObject({ facts: { field: "runner_id" } });
      expect(await failure(jobs.getTask({ taskId: runnerId }))).toMatchObject({ reason: "TASK_NOT_FOUND" });
      expect(await failure(jobs.cancelJob({ jobId: runnerId }))).toMatchObject({ reason: "JOB_NOT_FOUND" });
    });
  });
