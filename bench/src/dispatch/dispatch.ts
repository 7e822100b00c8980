import { medianOf, rounded } from "../measure/statistics.ts";
import type { BenchOptions } from "../options.ts";
import { BenchProcess } from "../processes/bench-process.ts";
import {
  type DispatchProcesses,
  type FlatFigures,
  type IdleFigures,
  measureFlat,
  measureIdle,
} from "./long-measures.ts";
import type { Latency } from "./measures.ts";

/** Figures of one program of the benchmark each. */
export interface PerProcess {
  server: number;
  runner: number;
  client: number;
}

/** What `bench dispatch` measures; measures that were not asked for are absent. */
export interface DispatchFigures extends Partial<FlatFigures>, Partial<IdleFigures> {
  fanoutTasksPerSec?: number;
  chainMsPerStep?: number;
  submitToStartMs?: Latency;
  submitToResultMs?: Latency;
  singleJobsPerSec?: number;
  cpuSeconds: PerProcess;
  peakRssMb: PerProcess;
}

const shortMeasures = ["fanout", "chain", "latency", "singles"] as const;
/** Measured only when asked for: minutes each, and once, whatever `--repeat` says. */
const longMeasures = ["flat", "idle"] as const;

/** Names for `--only`. */
export const dispatchMeasures = [...shortMeasures, ...longMeasures] as const;

type MeasureName = (typeof shortMeasures)[number];

// Attempts a runner may have at once: enough that a lease brings tasks for a while, as a busy deployment would set it.
const RUNNER_CONCURRENCY = 200;
const CLIENT_CONCURRENCY = 50;

/** Measures dispatch with server, runner and client as processes of their own and all defaults. */
export async function benchDispatch(options: BenchOptions, dataDir: string): Promise<DispatchFigures> {
  const profile = options.cpuProfDir ? { cpuProfDir: options.cpuProfDir } : {};
  // Disposed in reverse, so that the runner can still say goodbye to the server.
  await using server = new BenchProcess({ name: "server", ...profile });
  const url = await server.call<string>("start", { dataDir });
  await using runner = new BenchProcess({ name: "runner", ...profile });
  await runner.call("start", { url, concurrency: RUNNER_CONCURRENCY });
  await using client = new BenchProcess({ name: "client", ...profile });
  await client.call("start", { url });
  const processes = { server, runner, client };
  const figures = {};
  for (const name of shortMeasures) {
    if (options.only && !options.only.includes(name)) continue;
    Object.assign(figures, await measure(name, processes, options));
  }
  if (options.only?.includes("flat")) Object.assign(figures, await measureFlat(processes, options.scale));
  if (options.only?.includes("idle")) Object.assign(figures, await measureIdle(processes));
  return { ...figures, ...(await usage(processes)) };
}

async function measure(name: MeasureName, processes: DispatchProcesses, options: BenchOptions) {
  const { scale, repeat, note } = options;
  const call = callOf(name);
  await processes.client.call(call.name, call.argument(scale / 10));
  const before = await usage(processes);
  const runs: object[] = [];
  for (let i = 0; i < repeat; i++) runs.push(await processes.client.call<object>(call.name, call.argument(scale)));
  const after = await usage(processes);
  const cpu = (["server", "runner", "client"] as const).map(
    (part) => `${part} ${((after.cpuSeconds[part] - before.cpuSeconds[part]) / repeat).toFixed(2)} s`,
  );
  const figures = medianOf(runs);
  note(`${name}: ${JSON.stringify(figures)}; CPU of a run: ${cpu.join(", ")}`);
  return figures;
}

/** The client's call for a measure, with sizes by scale; a tenth of them warms up. */
function callOf(name: MeasureName): { name: string; argument: (scale: number) => object } {
  const size = (full: number, scale: number) => Math.max(1, Math.round(full * scale));
  switch (name) {
    case "fanout":
      return { name: "fanOut", argument: (scale) => ({ children: size(10_000, scale) }) };
    case "chain":
      return { name: "chain", argument: (scale) => ({ steps: size(1_000, scale) }) };
    case "latency":
      return { name: "latency", argument: (scale) => ({ jobs: size(500, scale) }) };
    case "singles":
      return { name: "singles", argument: (scale) => ({ jobs: size(5_000, scale), concurrency: CLIENT_CONCURRENCY }) };
  }
}

async function usage(processes: DispatchProcesses) {
  const [server, runner, client] = await Promise.all([
    processes.server.usage(),
    processes.runner.usage(),
    processes.client.usage(),
  ]);
  const each = (key: "cpuSeconds" | "peakRssMb"): PerProcess => ({
    server: rounded(server[key]),
    runner: rounded(runner[key]),
    client: rounded(client[key]),
  });
  return { cpuSeconds: each("cpuSeconds"), peakRssMb: each("peakRssMb") };
}
