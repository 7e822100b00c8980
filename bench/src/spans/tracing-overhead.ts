import { median, rounded } from "../measure/statistics.ts";
import type { BenchOptions } from "../options.ts";
import { BenchProcess } from "../processes/bench-process.ts";

const TASKS = 10_000;
const PAIRS = 9;
const CONCURRENCY = 200;

interface Overhead {
  options: BenchOptions;
  url: string;
  client: BenchProcess;
  server: BenchProcess;
}

/**
 * How many per cent fewer tasks a second run when their jobs are sampled than when they are not; each makes a span.
 *
 * Runs are taken in pairs, turn about, and the median of the pairs counts: the machine's speed drifts by more than what
 * is measured.
 */
export async function measureTracingOverhead({ options, url, client, server }: Overhead): Promise<number> {
  const profile = options.cpuProfDir ? { cpuProfDir: options.cpuProfDir } : {};
  await using runner = new BenchProcess({ name: "runner", ...profile });
  await runner.call("start", { url, concurrency: CONCURRENCY });
  const children = Math.max(1, Math.round(TASKS * options.scale));
  const cpu = { on: 0, off: 0, server: { on: 0, off: 0 } };
  const rates = { on: [] as number[], off: [] as number[] };
  const run = async (which: "on" | "off"): Promise<number> => {
    const before = [await runner.usage(), await server.usage()] as const;
    const sampled = which === "on";
    const { tasksPerSec, jobId } = await client.call<{ tasksPerSec: number; jobId: string }>("tracedFanOut", {
      children,
      sampled,
    });
    cpu[which] += (await runner.usage()).cpuSeconds - before[0].cpuSeconds;
    // Counting waits until everything is stored, so that one run does not pay for the one before.
    const spans = await client.call<number>("countSpans", { jobIds: [jobId] });
    cpu.server[which] += (await server.usage()).cpuSeconds - before[1].cpuSeconds;
    const wanted = 2 * (children + 1) + 1 + (sampled ? children : 0);
    if (spans !== wanted)
      throw new Error(`cannot measure: a job of ${children} tasks has ${spans} spans, not ${wanted}`);
    rates[which].push(tasksPerSec);
    return tasksPerSec;
  };
  for (const which of ["off", "on", "on", "off"] as const) await run(which);
  rates.on.length = rates.off.length = cpu.on = cpu.off = cpu.server.on = cpu.server.off = 0;
  const shares: number[] = [];
  for (let i = 0; i < PAIRS * options.repeat; i++) {
    const first = await run(i % 2 === 0 ? "on" : "off");
    const second = await run(i % 2 === 0 ? "off" : "on");
    shares.push(i % 2 === 0 ? first / second : second / first);
  }
  const usPerTask = (seconds: number): string => ((1e6 * seconds) / (children * shares.length)).toFixed(1);
  options.note(
    `overhead: ${median(rates.on).toFixed(0)} tasks/s traced, ${median(rates.off).toFixed(0)} not; CPU a task in us: ` +
      `runner ${usPerTask(cpu.on)} and ${usPerTask(cpu.off)}, server ${usPerTask(cpu.server.on)} and ${usPerTask(cpu.server.off)}`,
  );
  return rounded(100 * (1 - median(shares)), 3);
}
