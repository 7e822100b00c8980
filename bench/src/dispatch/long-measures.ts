import { setTimeout as sleep } from "node:timers/promises";
import { median, rounded } from "../measure/statistics.ts";
import type { BenchProcess } from "../processes/bench-process.ts";

/** The programs of the benchmark. */
export interface DispatchProcesses {
  server: BenchProcess;
  runner: BenchProcess;
  client: BenchProcess;
}

/** Whether a full store makes new work slower. */
export interface FlatFigures {
  /** One job of a million tasks, from its submission until the client sees its end. */
  bigJobTasksPerSec: number;
  /** A fan-out before it, and one after it. */
  fanoutEmptyTasksPerSec: number;
  fanoutFullTasksPerSec: number;
  /** The latter by the former. */
  fanoutFullByEmpty: number;
}

const BIG_JOB_TASKS = 1_000_000;
const FANOUT_TASKS = 10_000;
const FANOUTS = 5;

/** Measures fan-outs in an almost empty store, fills it with one big job, and measures them again. */
export async function measureFlat(processes: DispatchProcesses, scale: number): Promise<FlatFigures> {
  const { client } = processes;
  const children = Math.max(1, Math.round(FANOUT_TASKS * scale));
  const fanOuts = async () => {
    const rates: number[] = [];
    for (let i = 0; i < FANOUTS; i++) {
      await settle(processes);
      rates.push((await client.call<{ fanoutTasksPerSec: number }>("fanOut", { children })).fanoutTasksPerSec);
    }
    return median(rates);
  };
  // Warms up: the first is slower than any later one, and the comparison is with the later ones.
  await fanOuts();
  const empty = await fanOuts();
  const branches = Math.ceil((BIG_JOB_TASKS * scale) / children);
  const { tasksPerSec } = await client.call<{ tasksPerSec: number }>("bigJob", { branches, children });
  const full = await fanOuts();
  return {
    bigJobTasksPerSec: rounded(tasksPerSec),
    fanoutEmptyTasksPerSec: rounded(empty),
    fanoutFullTasksPerSec: rounded(full),
    fanoutFullByEmpty: rounded(full / empty, 3),
  };
}

/** What a system without work costs. */
export interface IdleFigures {
  /** Of one core. */
  idleCpuPercent: { server: number; runner: number };
  /** SQLite statements of the server's process; 0 is the aim. */
  idleStatements: number;
}

const IDLE_MS = 20_000;

/** Measures server and runner without work, after a little of it. */
export async function measureIdle(processes: DispatchProcesses): Promise<IdleFigures> {
  const { server, runner, client } = processes;
  await client.call("fanOut", { children: 1_000 });
  await server.call("statements");
  await settle(processes);
  const sample = async () => ({
    server: (await server.usage()).cpuSeconds,
    runner: (await runner.usage()).cpuSeconds,
    statements: await server.call<number>("statements"),
  });
  const before = await sample();
  await sleep(IDLE_MS);
  const after = await sample();
  const percent = (part: "server" | "runner") => rounded(((after[part] - before[part]) / IDLE_MS) * 100_000, 3);
  return {
    idleCpuPercent: { server: percent("server"), runner: percent("runner") },
    idleStatements: after.statements - before.statements,
  };
}

const STEP_MS = 500;
const CALM_STEPS = 6;
const CALM_SECONDS = 0.03;
const MAX_STEPS = 240;

/** Waits until the server has done what it does after work, e.g. written its spans: three calm seconds in a row. */
async function settle({ server }: DispatchProcesses): Promise<void> {
  let last = (await server.usage()).cpuSeconds;
  for (let calm = 0, steps = 0; calm < CALM_STEPS && steps < MAX_STEPS; steps++) {
    await sleep(STEP_MS);
    const now = (await server.usage()).cpuSeconds;
    calm = now - last <= CALM_SECONDS ? calm + 1 : 0;
    last = now;
  }
}
