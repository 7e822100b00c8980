import { diskUsage } from "../measure/disk-usage.ts";
import { rounded } from "../measure/statistics.ts";
import { BenchProcess } from "../processes/bench-process.ts";
import type { MemorySample } from "../processes/memory-sample.ts";
import type { LoadOptions, LoadSample } from "./load.ts";
import { judge, type SoakSample, type SoakVerdict } from "./verdict.ts";

/** How to soak. */
export interface SoakOptions {
  minutes: number;
  /** Share of the measured maximum to run at. */
  fraction: number;
  /** Tasks a second instead of a share of the maximum. */
  tasksPerSec?: number;
  dataDir: string;
  /** Says how it goes, a line a sample. */
  note: (line: string) => void;
}

/** What came of it. */
export interface SoakFigures {
  maxTasksPerSec?: number;
  tasksPerSec: number;
  verdict: SoakVerdict;
  samples: readonly SoakSample[];
}

const SAMPLE_MS = 10_000;
const MAXIMUM_MS = 20_000;
/** Every so many samples the heaps are collected first: a collection stops the program for a moment. */
const COLLECT_EVERY = 6;
const RUNNER_CONCURRENCY = 200;

interface Programs {
  server: BenchProcess;
  runner: BenchProcess;
  client: BenchProcess;
}

/** Runs server, runner and client under a steady load and watches memory, backlog, latency and logs. */
export async function soak(options: SoakOptions): Promise<SoakFigures> {
  const nodeArgs = ["--expose-gc"];
  await using server = new BenchProcess({ name: "server", nodeArgs });
  const url = await server.call<string>("start", { dataDir: options.dataDir });
  await using runner = new BenchProcess({ name: "runner", nodeArgs });
  await runner.call("start", { url, concurrency: RUNNER_CONCURRENCY });
  await using client = new BenchProcess({ name: "client", nodeArgs });
  await client.call("start", { url });
  const programs = { server, runner, client };
  const maximum = options.tasksPerSec === undefined ? await measureMaximum(programs, options.note) : undefined;
  const tasksPerSec = options.tasksPerSec ?? (maximum ?? 0) * options.fraction;
  const { samples, errors } = await watch(programs, { ...options, tasksPerSec });
  const verdict = judge(samples, tasksPerSec, errors);
  return {
    ...(maximum !== undefined && { maxTasksPerSec: rounded(maximum) }),
    tasksPerSec: rounded(tasksPerSec),
    verdict,
    samples,
  };
}

async function measureMaximum({ client }: Programs, note: SoakOptions["note"]): Promise<number> {
  await client.call("load", {} satisfies LoadOptions);
  await delay(MAXIMUM_MS / 4);
  await client.call("loadSample");
  const startedAtMs = performance.now();
  await delay(MAXIMUM_MS);
  const { tasksDone } = await client.call<LoadSample>("loadSample");
  const tasksPerSec = (1000 * tasksDone) / (performance.now() - startedAtMs);
  await client.call("stopLoad");
  note(`maximum of this mix: ${tasksPerSec.toFixed(0)} tasks/s`);
  return tasksPerSec;
}

async function watch(programs: Programs, options: SoakOptions & { tasksPerSec: number }) {
  const { note, dataDir, minutes, tasksPerSec } = options;
  const samples: SoakSample[] = [];
  const errors = new Set<string>();
  // What was logged so far tells of the start.
  await memoryOf(programs, false, new Set());
  const startedAtMs = performance.now();
  let lastMs = startedAtMs;
  await programs.client.call("load", { tasksPerSec } satisfies LoadOptions);
  for (let i = 1; lastMs - startedAtMs < minutes * 60_000; i++) {
    await delay(startedAtMs + i * SAMPLE_MS - performance.now());
    const load = await programs.client.call<LoadSample>("loadSample");
    const nowMs = performance.now();
    const sample = {
      ...toSample(load, await memoryOf(programs, i % COLLECT_EVERY === 0, errors)),
      atSec: rounded((nowMs - startedAtMs) / 1000),
      tasksPerSec: rounded((1000 * load.tasksDone) / (nowMs - lastMs)),
      dataMb: rounded((await diskUsage(dataDir)) / 2 ** 20),
    };
    lastMs = nowMs;
    for (const error of load.errors) errors.add(error);
    samples.push(sample);
    note(line(sample, errors.size));
  }
  await programs.client.call("stopLoad");
  return { samples, errors: [...errors] };
}

async function memoryOf(programs: Programs, collect: boolean, errors: Set<string>) {
  const [server, runner, client] = await Promise.all(
    [programs.server, programs.runner, programs.client].map((one) => one.call<MemorySample>("memory", { collect })),
  );
  for (const { log } of [server!, runner!]) for (const text of log) errors.add(text);
  return { server: server!, runner: runner!, client: client!, collect };
}

function toSample(
  { jobsOpen, singleP50Ms, singleP99Ms }: LoadSample,
  { server, runner, client, collect }: Awaited<ReturnType<typeof memoryOf>>,
): Omit<SoakSample, "atSec" | "tasksPerSec" | "dataMb"> {
  return {
    jobsOpen,
    singleP50Ms: rounded(singleP50Ms),
    singleP99Ms: rounded(singleP99Ms),
    rssMb: { server: rounded(server.rssMb), runner: rounded(runner.rssMb), client: rounded(client.rssMb) },
    ...(collect && { heapMb: { server: rounded(server.heapMb), runner: rounded(runner.heapMb) } }),
  };
}

function line(sample: SoakSample, errors: number): string {
  const { rssMb, heapMb } = sample;
  const heap = heapMb ? ` heap ${heapMb.server} / ${heapMb.runner} MB` : "";
  return (
    `${sample.atSec.toFixed(0).padStart(5)} s  ${sample.tasksPerSec.toFixed(0).padStart(6)} tasks/s  ` +
    `${sample.jobsOpen} jobs open  single p50 ${sample.singleP50Ms} p99 ${sample.singleP99Ms} ms  ` +
    `rss ${rssMb.server.toFixed(0)} / ${rssMb.runner.toFixed(0)} MB${heap}  data ${sample.dataMb.toFixed(0)} MB  ` +
    `${errors} errors`
  );
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
