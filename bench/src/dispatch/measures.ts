import { type Client, createCarrier } from "@spanloom/sdk";
import { percentile } from "../measure/statistics.ts";
import { bigJob, chain, clock, fanOut, monotonicUs, tracedFanOut } from "./tasks.ts";

/** Two percentiles of a latency. */
export interface Latency {
  p50: number;
  p99: number;
}

/** Runs one job whose root submits `children` tasks; from the submission until the client sees its end. */
export async function measureFanOut(client: Client, children: number): Promise<{ fanoutTasksPerSec: number }> {
  const startedAtUs = monotonicUs();
  const job = await client.jobs.submit(fanOut, { children });
  await job.result();
  return { fanoutTasksPerSec: children / seconds(startedAtUs) };
}

/** As {@link measureFanOut}, with a span in each task; they are recorded if the job is sampled. */
export async function measureTracedFanOut(
  client: Client,
  { children, sampled }: { children: number; sampled: boolean },
): Promise<{ tasksPerSec: number; jobId: string }> {
  const startedAtUs = monotonicUs();
  const job = await client.jobs.submit(tracedFanOut, { children }, { trace: createCarrier(sampled) });
  await job.result();
  return { tasksPerSec: children / seconds(startedAtUs), jobId: job.id };
}

/** Runs one job whose root submits `branches` fan-outs of `children` tasks. */
export async function measureBigJob(
  client: Client,
  sizes: { branches: number; children: number },
): Promise<{ tasksPerSec: number }> {
  const startedAtUs = monotonicUs();
  const job = await client.jobs.submit(bigJob, sizes);
  await job.result();
  return { tasksPerSec: (sizes.branches * (sizes.children + 1)) / seconds(startedAtUs) };
}

/** Runs one job of `steps` tasks, each submitted by the one before. */
export async function measureChain(client: Client, steps: number): Promise<{ chainMsPerStep: number }> {
  const startedAtUs = monotonicUs();
  const job = await client.jobs.submit(chain, { steps });
  await job.result();
  return { chainMsPerStep: (1000 * seconds(startedAtUs)) / steps };
}

/** Runs jobs of one task, one after the other. */
export async function measureLatency(
  client: Client,
  jobs: number,
): Promise<{ submitToStartMs: Latency; submitToResultMs: Latency }> {
  const startMs: number[] = [];
  const resultMs: number[] = [];
  for (let i = 0; i < jobs; i++) {
    const submittedAtUs = monotonicUs();
    const job = await client.jobs.submit(clock, undefined);
    const taskBeganAtUs = await job.result();
    resultMs.push((monotonicUs() - submittedAtUs) / 1000);
    startMs.push((taskBeganAtUs - submittedAtUs) / 1000);
  }
  return { submitToStartMs: latency(startMs), submitToResultMs: latency(resultMs) };
}

/** Runs jobs of one task, `concurrency` of them in flight; each is submitted and waited for by itself. */
export async function measureSingles(
  client: Client,
  { jobs, concurrency }: { jobs: number; concurrency: number },
): Promise<{ singleJobsPerSec: number }> {
  const startedAtUs = monotonicUs();
  let next = 0;
  const work = async () => {
    while (next++ < jobs) await (await client.jobs.submit(clock, undefined)).result();
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return { singleJobsPerSec: jobs / seconds(startedAtUs) };
}

function latency(values: readonly number[]): Latency {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}

function seconds(sinceUs: number): number {
  return (monotonicUs() - sinceUs) / 1e6;
}
