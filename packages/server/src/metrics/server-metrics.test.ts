import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { prometheusName } from "@spanloom/metrics";
import { JobService, ProgressSchema, ResultStatus, TaskFailureResultSchema } from "@spanloom/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import type { ForwardStats } from "../forward/forwarder.ts";
import { LoopRunner, returned } from "../rpc/testing/loop-runner.ts";
import { ManualClock } from "../rpc/testing/manual-clock.ts";
import { serveStubs, storeStub, telemetryStub } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";
import { SqliteStore } from "../store/sqlite/index.ts";
import type { BacklogRecord } from "../store/store.ts";
import { TriggerStats } from "../triggers/trigger-stats.ts";
import { serverCatalogue } from "./catalogue.ts";
import { ServerMetrics } from "./server-metrics.ts";

const forwardStats: ForwardStats = {
  ...{ name: "otlp", forwarded: 7, rejected: 2, failed: 1, retried: 4, repeated: 3, expired: 5, isServing: true },
  ...{ awaySinceUs: undefined, lastError: undefined, lagRecords: 8, lagSeconds: 1.5, isCurrent: false },
};
const forwarding = { start: async () => {}, stop: async () => {}, stats: () => [forwardStats] };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Values of a page by series, without buckets. */
async function figures({ url }: Pick<RunningServer, "url">): Promise<ReadonlyMap<string, number>> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
  return new Map(
    lines
      .filter((line) => line !== "" && !line.startsWith("#") && !/_bucket\{/.test(line))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

const submission = (...tasks: { name: string; count?: number; queue?: string }[]) => ({
  name: "job",
  tasks: {
    specs: tasks.map(({ name, queue = "" }) => ({ identifier: { name }, queue })),
    groups: tasks.map(({ count = 1 }, spec) => ({
      inputs: Array.from({ length: count }, () => new Uint8Array()),
      specs: [spec],
    })),
  },
});

describe("the server's metrics", () => {
  it("tell of jobs, tasks, attempts, queues and calls as they were", async () => {
    const store = new SqliteStore({ dataDir: folder, nowUs: () => systemClock.nowUs() });
    await using server = await serveStubs({ store, forwarding });
    const transport = createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" });
    const jobs = createClient(JobService, transport);
    await jobs.submitJob(submission({ name: "good", count: 3 }) as never);
    await jobs.submitJob(submission({ name: "left", queue: "other", count: 2 }) as never);
    const runner = new LoopRunner(transport, { good: () => returned(1) });
    const leased = await runner.exchange([], { maxTasks: 2 });
    const { results } = runner.run(leased.tasks);
    const stale = { ...results[0]!, leaseToken: new Uint8Array(results[0]!.leaseToken.length) };
    const acks = (await runner.exchange([...results, stale], { maxTasks: 0 })).resultAcks;
    expect(acks.map(({ status }) => status)).toEqual([ResultStatus.OK, ResultStatus.OK, ResultStatus.STALE_LEASE]);
    const seen = await figures(server);
    const of = (names: Record<string, number>) =>
      expect(Object.fromEntries(Object.keys(names).map((name) => [name, seen.get(name)]))).toEqual(names);
    of({
      spanloom_jobs_submitted_total: 2,
      spanloom_tasks_submitted_total: 5,
      spanloom_attempts_started_total: 2,
      'spanloom_attempts_ended_total{spanloom_outcome="success"}': 2,
      'spanloom_attempts_ended_total{spanloom_outcome="lost"}': 0,
      'spanloom_tasks_ended_total{spanloom_outcome="succeeded"}': 2,
      'spanloom_jobs_open{spanloom_job_state="running"}': 1,
      'spanloom_jobs_open{spanloom_job_state="queued"}': 1,
      'spanloom_tasks_open{spanloom_task_state="queued"}': 3,
      'spanloom_queue_depth{spanloom_queue="other"}': 2,
      'spanloom_queue_depth{spanloom_queue="default"}': 1,
      'spanloom_queue_running{spanloom_queue="default"}': 0,
      'spanloom_queue_wait_duration_seconds_count{spanloom_queue="default"}': 2,
      'spanloom_attempt_duration_seconds_count{spanloom_queue="default"}': 2,
      'spanloom_results_refused_total{spanloom_reason="stale"}': 1,
      'spanloom_exporter_dropped_total{spanloom_exporter="otlp",spanloom_reason="rejected"}': 2,
      'spanloom_exporter_lag_time_seconds{spanloom_exporter="otlp"}': 1.5,
    });
    expect(seen.get('spanloom_queue_age_seconds{spanloom_queue="other"}')).toBeGreaterThan(0);
    expect(seen.get("spanloom_store_commit_operations_count")).toBeGreaterThanOrEqual(4);
  });

  it("have a source for every name of the catalogue", async () => {
    const store = new SqliteStore({ dataDir: folder, nowUs: () => systemClock.nowUs() });
    const telemetry = telemetryStub();
    telemetry.stats().counts.refused("OVERLOADED", 1);
    await using server = await serveStubs({ store, telemetry, forwarding });
    const transport = createGrpcTransport({ baseUrl: server.url });
    await createClient(JobService, transport).submitJob(submission({ name: "good" }) as never);
    await new LoopRunner(transport, { good: () => returned(1) }).drain();
    await fetch(`${server.url}/healthz`);
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const shown = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name));
    const named = Object.entries(serverCatalogue).map(([name, entry]) => prometheusName(name, entry));
    expect([...shown].sort()).toEqual([...named, "target_info"].sort());
    expect(server.log).toEqual([]);
  });

  it("cut and invalid results are counted, and so is progress that finds no room", async () => {
    const store = new SqliteStore({ dataDir: folder, nowUs: () => systemClock.nowUs() });
    await using server = await serveStubs({ store });
    const transport = createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" });
    await createClient(JobService, transport).submitJob(submission({ name: "bad", count: 4 }) as never);
    const value = create(TaskFailureResultSchema, { failure: { type: "E", message: "x".repeat(1_000_000) } });
    let ran = 0;
    const code = () => (++ran > 2 ? returned(1) : { outcome: { case: "failure" as const, value } });
    const runner = new LoopRunner(transport, { bad: code });
    const { tasks } = await runner.exchange([], { maxTasks: 4 });
    const [cut, invalid, first, second] = runner.run(tasks).results;
    for (const [n, result] of [first!, second!].entries())
      result.progress = Array.from({ length: 60 }, (_, i) => {
        return create(ProgressSchema, { label: `${n} ${i}`, done: 1n, total: 2n });
      });
    const results = [cut!, { ...invalid!, outcome: { case: undefined } as const }, first!, second!];
    await runner.exchange(results, { maxTasks: 0 });
    const seen = await figures(server);
    expect(seen.get("spanloom_results_cut_total")).toBe(1);
    expect(seen.get('spanloom_results_refused_total{spanloom_reason="invalid"}')).toBe(1);
    expect(seen.get("spanloom_progress_dropped_total")).toBe(20);
  });
});

describe("what is open", () => {
  /** Metrics of a store whose backlog a test gives. */
  function metricsOf(backlog: () => Promise<BacklogRecord>) {
    const clock = new ManualClock();
    const lines: string[] = [];
    const metrics = new ServerMetrics({
      ...{
        store: storeStub({ backlog }),
        telemetry: telemetryStub(),
        triggers: new TriggerStats(),
        maintenance: { failures: 0 },
      },
      ...{ clock, version: "1", log: (line: string) => lines.push(line) },
    });
    const jobs = async () => {
      const metric = (await metrics.set.collect()).find(({ name }) => name === "spanloom.jobs.open");
      return metric?.points[0]?.value;
    };
    return { clock, lines, jobs };
  }

  const open = (jobs: number): BacklogRecord => ({ queues: [], jobs: new Map([[1, jobs]]), tasks: new Map() });

  it("is asked for every two seconds at most, however many collect", async () => {
    let asked = 0;
    const { clock, jobs } = metricsOf(async () => open(++asked));
    expect(await Promise.all([jobs(), jobs()])).toEqual([1, 1]);
    clock.advance(1_900);
    expect(await jobs()).toBe(1);
    clock.advance(200);
    expect(await jobs()).toBe(2);
  });

  it("does not hold up a collection: after a second that of before is shown", async () => {
    const answers = [Promise.resolve(open(5)), new Promise<BacklogRecord>(() => {})];
    const { clock, jobs } = metricsOf(() => answers.shift()!);
    expect(await jobs()).toBe(5);
    clock.advance(10_000);
    const late = jobs();
    clock.advance(1_100);
    expect(await late).toBe(5);
  });

  it("is left out while the store cannot tell, and that is told once", async () => {
    let isAway = false;
    const { clock, lines, jobs } = metricsOf(async () => {
      if (isAway) throw new Error("away");
      return open(3);
    });
    expect(await jobs()).toBe(3);
    isAway = true;
    for (let look = 0; look < 2; look++) {
      clock.advance(10_000);
      expect(await jobs()).toBeUndefined();
    }
    expect(lines).toEqual(["metrics: cannot read what is asked for beforehand (1): away"]);
  });
});
