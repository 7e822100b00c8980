import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { IdGenerator } from "@spanloom/protocol";
import { median, percentile, rounded } from "../measure/statistics.ts";
import type { BenchOptions } from "../options.ts";
import { BenchProcess } from "../processes/bench-process.ts";
import { type ForwardFigures, measureForwarding } from "./forwarding.ts";
import type { SendOutcome } from "./otlp-sender.ts";
import { settledStore } from "./settled-store.ts";
import type { PayloadOptions } from "./span-payloads.ts";
import type { TailLatency } from "./tail-latency.ts";
import { measureTracingOverhead } from "./tracing-overhead.ts";

/** Sizes of the jobs that are read as one Arrow table. */
type ArrowSizes = "10k" | "100k" | "1m";

/** What `bench spans` measures; measures that were not asked for are absent. */
export interface SpansFigures {
  ingestSpansPerSec?: number;
  leaseP99Ratio?: number;
  toArrowMs?: Record<ArrowSizes, number>;
  bytesPerSpan?: number;
  /** The job of 1M spans as JSON rows. */
  toJsonMs1m?: number;
  aggregate10mMs?: number;
  /** 10M spans of one job through a client of {@link STREAM_HEAP_MB}. */
  stream10m?: { seconds: number; clientPeakMb: number; serverPeakMb: number };
  tracingOverheadPct?: number;
  /** From sending until a tail gave it, of spans and of log records. */
  tailMs?: Record<"spanP50" | "spanP99" | "logP50" | "logP99", number>;
  forward?: ForwardFigures;
  /** Share of a core that an idle server takes, by how many tails are open. */
  idleTailCpuPct?: Record<string, number>;
}

/** Names for `--only`. */
export const spansMeasures = [
  "overhead",
  "ingest",
  "lease",
  "arrow",
  "json",
  "size",
  "aggregate",
  "stream",
  "tail",
  "forward",
] as const;

const CONNECTIONS = 4;
const BATCH = 512;
const INGEST_JOBS = 50;
const INGEST_SPANS = 500_000;
const LEASE_ROUNDS = 3;
const LEASE_WARM_UP_MS = 2_000;
/** About as long as the load lasts, for as many calls. */
const LEASE_IDLE_MS = 4_000;
const ARROW_SPANS: Record<ArrowSizes, number> = { "10k": 10_000, "100k": 100_000, "1m": 1_000_000 };
const ARROW_RUNS = 5;
const AGGREGATE_SPANS = 10_000_000;
const AGGREGATE_JOB_SPANS = 100_000;
const STREAM_SPANS = 10_000_000;
const STREAM_HEAP_MB = 256;
const SEEN_WITHIN_MS = 120_000;
const TAIL_ROUNDS = 100;
const TAILS = [0, 1, 100];
const IDLE_TAILS_MS = 8_000;

interface Bench {
  options: BenchOptions;
  url: string;
  client: BenchProcess;
  generator: BenchProcess;
  server: BenchProcess;
  newJob: (spans: number) => PayloadOptions;
  /** The generator's spans that are stored so far. */
  stored: number;
  /** Bytes that the store had before them, for what was measured before. */
  bytesBefore: number;
}

/** Measures the way of spans in and out, with server, generator and client as processes of their own. */
export async function benchSpans(options: BenchOptions, dataDir: string): Promise<SpansFigures> {
  const profile = options.cpuProfDir ? { cpuProfDir: options.cpuProfDir } : {};
  // Only when asked for, and with a server of its own, as no other one has an exporter.
  const forward = options.only?.includes("forward")
    ? { forward: await measureForwarding({ options, dataDir: join(dataDir, "forward"), newJob: jobMaker() }) }
    : {};
  if (options.only?.every((name) => name === "forward")) return forward;
  await using server = new BenchProcess({ name: "server", ...profile });
  const url = await server.call<string>("start", { dataDir });
  await using generator = new BenchProcess({ name: "generator" });
  await using client = new BenchProcess({ name: "client", ...profile });
  await client.call("start", { url });
  const bench: Bench = { options, url, client, generator, server, newJob: jobMaker(), stored: 0, bytesBefore: 0 };
  const wants = (name: string) => !options.only || options.only.includes(name);
  const figures: SpansFigures = { ...forward };
  // First, while no merges of millions of spans go on beside it.
  if (wants("overhead")) figures.tracingOverheadPct = await measureTracingOverhead({ options, url, client, server });
  if (wants("overhead") && wants("size")) bench.bytesBefore = (await settledStore(join(dataDir, "telemetry"))).bytes;
  if (wants("ingest") || wants("size")) figures.ingestSpansPerSec = await measureIngest(bench);
  if (wants("lease")) figures.leaseP99Ratio = await measureLeases(bench);
  if (wants("size")) figures.bytesPerSpan = await measureSize(bench, dataDir);
  if (wants("arrow")) figures.toArrowMs = await measureArrow(bench);
  if (wants("json")) figures.toJsonMs1m = await measureJson(bench, dataDir);
  if (wants("aggregate")) figures.aggregate10mMs = await measureAggregates(bench);
  // Only when asked for: 10M spans of one job take two minutes to send.
  if (options.only?.includes("stream")) figures.stream10m = await measureConstantMemory(bench);
  if (options.only?.includes("tail")) Object.assign(figures, await measureTails(bench));
  const usage = await server.usage();
  options.note(`server: CPU ${usage.cpuSeconds.toFixed(1)} s, peak ${usage.peakRssMb.toFixed(0)} MB`);
  return figures;
}

/** Times what a tail takes, then counts what the server does while nothing comes. */
async function measureTails({ options, client, server, url }: Bench): Promise<SpansFigures> {
  const rounds = Math.round(TAIL_ROUNDS * options.scale);
  const { spansMs, logsMs } = await client.call<TailLatency>("tailLatency", { url, sendTo: url, rounds });
  const at = (times: readonly number[], p: number) => rounded(percentile(times, p));
  const idleTailCpuPct: Record<string, number> = {};
  for (const count of TAILS) {
    await client.call("openTails", { url, count });
    await delay(2_000);
    const before = await server.usage();
    await delay(IDLE_TAILS_MS);
    const { cpuSeconds } = await server.usage();
    idleTailCpuPct[count] = rounded(((cpuSeconds - before.cpuSeconds) * 100_000) / IDLE_TAILS_MS);
  }
  await client.call("openTails", { url, count: 0 });
  const spans = { spanP50: at(spansMs, 0.5), spanP99: at(spansMs, 0.99) };
  return { tailMs: { ...spans, logP50: at(logsMs, 0.5), logP99: at(logsMs, 0.99) }, idleTailCpuPct };
}

async function measureIngest(bench: Bench): Promise<number> {
  const { options, generator, server } = bench;
  await ingest(bench, Math.round(20_000 * options.scale));
  const rates: number[] = [];
  for (let i = 0; i < options.repeat; i++) {
    const before = await server.usage();
    const { perSec, bytes } = await ingest(bench, Math.round(INGEST_SPANS * options.scale));
    const cpu = (await server.usage()).cpuSeconds - before.cpuSeconds;
    options.note(
      `ingest: ${perSec.toFixed(0)} spans/s, ${((bytes * perSec) / 1e6).toFixed(0)} MB/s of ${bytes.toFixed(0)} bytes a span; server CPU ${cpu.toFixed(2)} s`,
    );
    rates.push(perSec);
  }
  options.note(`generator: peak ${(await generator.usage()).peakRssMb.toFixed(0)} MB`);
  return rounded(median(rates));
}

/** Prepares spans of several jobs, then sends them against the clock until a query counts them all. */
async function ingest(bench: Bench, spans: number): Promise<{ perSec: number; bytes: number }> {
  const { generator, url, options } = bench;
  const jobs = Array.from({ length: INGEST_JOBS }, () => bench.newJob(Math.ceil(spans / INGEST_JOBS)));
  const total = jobs.reduce((sum, job) => sum + job.spans, 0);
  await generator.call("prepare", jobs);
  const startedAtMs = performance.now();
  const sent = await generator.call<SendOutcome>("send", { url, connections: CONNECTIONS });
  const sentMs = performance.now() - startedAtMs;
  await seen(bench, jobs, total);
  const seenMs = performance.now() - startedAtMs;
  if (sent.repeated > 0) options.note(`the server put off ${sent.repeated} of ${sent.requests} requests`);
  options.note(`${total} spans: acknowledged after ${sentMs.toFixed(0)} ms, counted after ${seenMs.toFixed(0)} ms`);
  bench.stored += total;
  return { perSec: (1000 * total) / seenMs, bytes: sent.bytes / total };
}

async function seen({ client }: Bench, jobs: PayloadOptions[], total: number): Promise<void> {
  const jobIds = jobs.map(({ jobId }) => jobId);
  const deadlineMs = performance.now() + SEEN_WITHIN_MS;
  for (;;) {
    const count = await client.call<number>("countSpans", { jobIds });
    if (count === total) return;
    if (count > total || performance.now() > deadlineMs)
      throw new Error(`cannot finish: ${total} spans were acknowledged, a query counts ${count}`);
  }
}

/** Leases without load and under full ingest load in turn, and compares the 99th percentiles of all calls of either. */
async function measureLeases(bench: Bench): Promise<number> {
  const { options, client, generator, url, newJob } = bench;
  const idle: number[] = [];
  const loaded: number[] = [];
  const take = () => client.call<number[]>("takeLeases", {});
  await client.call("startLeases", { url });
  await delay(LEASE_WARM_UP_MS);
  for (let round = 0; round < LEASE_ROUNDS; round++) {
    await take();
    await delay(LEASE_IDLE_MS * options.scale);
    idle.push(...(await take()));
    const job = newJob(Math.round(INGEST_SPANS * options.scale));
    await generator.call("prepare", [job]);
    await take();
    await generator.call("send", { url, connections: CONNECTIONS });
    loaded.push(...(await take()));
    await seen(bench, [job], job.spans);
    bench.stored += job.spans;
  }
  await client.call("stopLeases", {});
  for (const [name, times] of Object.entries({ idle, "under ingest": loaded }))
    options.note(
      `lease, ${name}: p50 ${percentile(times, 0.5).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms of ${times.length} calls`,
    );
  return rounded(percentile(loaded, 0.99) / percentile(idle, 0.99));
}

async function measureSize({ options, stored, bytesBefore }: Bench, dataDir: string): Promise<number> {
  const { bytes, seconds } = await settledStore(join(dataDir, "telemetry"));
  const added = bytes - bytesBefore;
  options.note(
    `size: ${(added / 1e6).toFixed(1)} MB for ${stored} spans beside ${(bytesBefore / 1e6).toFixed(1)}; at rest after ${seconds.toFixed(0)} s`,
  );
  return rounded(added / stored);
}

async function measureArrow(bench: Bench): Promise<Record<ArrowSizes, number>> {
  const { options, generator, client, url } = bench;
  const ms = {} as Record<ArrowSizes, number>;
  for (const size of ["10k", "100k", "1m"] as const) {
    const job = bench.newJob(Math.round(ARROW_SPANS[size] * options.scale));
    await generator.call("load", { url, connections: CONNECTIONS, job });
    await seen(bench, [job], job.spans);
    bench.stored += job.spans;
    const run = (narrow: boolean) => readRuns(client, job, narrow, Math.max(options.repeat, ARROW_RUNS));
    ms[size] = rounded(await run(false));
    const narrow = rounded(await run(true));
    options.note(`arrow: ${job.spans} spans in ${ms[size]} ms, three columns of them in ${narrow} ms`);
  }
  return ms;
}

/** Median over several runs, after one that warms up. */
async function readRuns(client: BenchProcess, job: PayloadOptions, narrow: boolean, runs: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i <= runs; i++) {
    const { rows, ms } = await client.call<{ rows: number; ms: number }>("toArrow", { jobId: job.jobId, narrow });
    if (rows !== job.spans) throw new Error(`cannot measure: the table has ${rows} of ${job.spans} spans`);
    if (i > 0) times.push(ms);
  }
  return median(times);
}

async function measureJson({ options, generator, client, url, newJob }: Bench, folder: string): Promise<number> {
  const job = newJob(Math.round(ARROW_SPANS["1m"] * options.scale));
  await generator.call("load", { url, connections: CONNECTIONS, job });
  const { rows, ms } = await client.call<{ rows: number; ms: number }>("toJson", { jobId: job.jobId, folder });
  if (rows !== job.spans) throw new Error(`cannot measure: ${rows} of ${job.spans} spans were parsed`);
  return rounded(ms);
}

/** Streams a job through a client whose heap is capped, and takes the most that client and server ever had resident. */
async function measureConstantMemory({ options, generator, server, url, newJob }: Bench) {
  const job = newJob(Math.round(STREAM_SPANS * options.scale));
  await generator.call("load", { url, connections: CONNECTIONS, job });
  await using client = new BenchProcess({ name: "client", nodeArgs: [`--max-old-space-size=${STREAM_HEAP_MB}`] });
  await client.call("start", { url });
  const { rows, ms } = await client.call<{ rows: number; ms: number }>("stream", { jobId: job.jobId });
  if (rows !== job.spans) throw new Error(`cannot measure: ${rows} of ${job.spans} spans came`);
  const [{ peakRssMb: clientPeakMb }, { peakRssMb: serverPeakMb }] = await Promise.all([
    client.usage(),
    server.usage(),
  ]);
  return { seconds: rounded(ms / 1000), clientPeakMb: rounded(clientPeakMb), serverPeakMb: rounded(serverPeakMb) };
}

/** Fills the store up with jobs, one after the other, and measures all its spans by name. */
async function measureAggregates(bench: Bench): Promise<number> {
  const { options, generator, client, url } = bench;
  const measure = () => client.call<{ spans: number; names: number; ms: number }>("aggregate", {});
  const total = Math.round(AGGREGATE_SPANS * options.scale);
  // Spans of the jobs that other measures ran are there, too.
  let stored = (await measure()).spans;
  while (stored < total) {
    const job = bench.newJob(Math.min(AGGREGATE_JOB_SPANS, total - stored));
    await generator.call("load", { url, connections: CONNECTIONS, job });
    stored += job.spans;
  }
  const times: number[] = [];
  for (let i = 0; i <= Math.max(options.repeat, ARROW_RUNS); i++) {
    const { spans, names, ms } = await measure();
    if (spans !== stored) throw new Error(`cannot measure: ${spans} of ${stored} spans were counted`);
    if (i > 0) times.push(ms);
    options.note(`aggregate: ${spans} spans of ${names} names in ${ms.toFixed(0)} ms`);
  }
  return rounded(median(times));
}

function jobMaker(): (spans: number) => PayloadOptions {
  const ids = new IdGenerator();
  let seed = 0;
  return (spans) => ({ jobId: ids.next(), spans, batch: BATCH, seed: ++seed, startTimeMs: Date.now() - 60_000 });
}
