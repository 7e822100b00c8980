import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { describeFailure, runSeed, shrinkSeed, TestPostgres } from "@spanloom/testing";
import { type ChaosTarget, chaosStores, openSubject } from "./chaos-subjects.ts";
import type { SeedAnswer } from "./chaos-worker-program.ts";
import { seeded } from "./seeded.ts";
import { runTriggerChaos } from "./trigger-chaos.ts";

const usage = `Runs random workflows under random faults against a store, beside the reference model.

Usage: npm run chaos -- [options]

  --store NAME     ${chaosStores.join(" or ")} (default: sqlite)
  --database URL   a PostgreSQL that runs already (default: one of its own for each worker)
  --seeds N        how many seeds (default: 2000)
  --from N         the first seed (default: 1)
  --workers N      how many at once (default: one per core)
  --seed N         one seed: when it fails, with as few steps as it fails with
  --steps N        steps of that seed, when it was run with others than the usual 140
  --triggers N     instead, for N seconds: real servers, two with postgres, of which one is killed or held every few seconds
                   while they fire schedules and match events; --seed, --store and --database as above
  --help           show this text

Exits with 1 when a seed failed.
`;

/** Ends of a run that was told what to do. */
async function main(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const options = {
    store: text,
    database: text,
    seeds: text,
    from: text,
    workers: text,
    seed: text,
    steps: text,
    triggers: text,
    help: { type: "boolean" },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const store = chaosStores.find((name) => name === (values.store ?? "sqlite"));
  if (store === undefined)
    throw new RangeError(`cannot run against "${values.store}": it must be ${chaosStores.join(" or ")}`);
  const target = { store, url: values.database };
  if (values.triggers !== undefined)
    return runTriggers(target, wholeNumber("--triggers", values.triggers), wholeNumber("--seed", values.seed ?? "1"));
  if (values.seed !== undefined) {
    const steps = values.steps === undefined ? {} : { steps: wholeNumber("--steps", values.steps) };
    return runOne(target, { seed: wholeNumber("--seed", values.seed), ...steps });
  }
  const from = wholeNumber("--from", values.from ?? "1");
  const count = wholeNumber("--seeds", values.seeds ?? "2000");
  const workers = wholeNumber("--workers", values.workers ?? String(availableParallelism()));
  return runMany({ target, from, count, workers });
}

function wholeNumber(flag: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new RangeError(`cannot use ${flag} "${value}": it must be a whole number`);
}

const SHOWN_EVENTS = 100;

async function runOne(target: ChaosTarget, run: { seed: number; steps?: number }): Promise<number> {
  await using opened = await openSubject(target);
  const { subject } = opened;
  const outcome = await runSeed({ subject, ...run });
  const { jobs, tasks, attempts } = outcome;
  process.stdout.write(`seed ${run.seed}: ${jobs} jobs, ${tasks} tasks, ${attempts} attempts\n`);
  if (outcome.failure === undefined) return 0;
  const smallest = await shrinkSeed({ subject, ...run }, outcome);
  process.stdout.write(`${describeFailure(subject.name, smallest, SHOWN_EVENTS)}\n${smallest.failure?.stack}\n`);
  return 1;
}

/** Real servers, one of which is killed or held every few seconds. */
async function runTriggers({ store, url }: ChaosTarget, seconds: number, seed: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "spanloom-chaos-"));
  const postgres = store === "postgres" ? await TestPostgres.start({ url }) : undefined;
  try {
    const databaseUrl = await postgres?.createDatabase(`trigger_chaos_${process.pid}`);
    const { wrong, ...counts } = await runTriggerChaos({
      ...{ folder, seconds, random: seeded(seed), catchUpMs: CATCH_UP_MS },
      ...(databaseUrl === undefined ? { servers: 1 } : { servers: 2, databaseUrl }),
      note: (line) => process.stderr.write(`${line}\n`),
    });
    for (const line of wrong) process.stdout.write(`${line}\n`);
    process.stdout.write(`${store}, seed ${seed}, ${seconds} s: ${wrong.length} wrong; ${JSON.stringify(counts)}\n`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const CATCH_UP_MS = 60_000;

interface ManySeeds {
  target: ChaosTarget;
  from: number;
  count: number;
  workers: number;
}

const PROGRESS_EVERY = 100;

async function runMany({ target, from, count, workers }: ManySeeds): Promise<number> {
  const { store } = target;
  const startedAtMs = performance.now();
  const sums = { seeds: 0, failed: 0, jobs: 0, tasks: 0, attempts: 0 };
  const seconds = () => ((performance.now() - startedAtMs) / 1000).toFixed(0);
  const take = (answer: SeedAnswer) => {
    sums.seeds++;
    for (const name of ["jobs", "tasks", "attempts"] as const) sums[name] += answer[name];
    if (answer.failure !== "") {
      sums.failed++;
      process.stdout.write(`seed ${answer.seed} failed: ${answer.failure}\n`);
    }
    if (sums.seeds % PROGRESS_EVERY === 0) process.stderr.write(`${sums.seeds} of ${count} seeds, ${seconds()} s\n`);
  };
  const seeds = Array.from({ length: count }, (_, i) => from + i).values();
  await Promise.all(Array.from({ length: Math.min(workers, count) }, () => work(target, seeds, take)));
  const { jobs, tasks, attempts, failed } = sums;
  process.stdout.write(
    `${store}: ${sums.seeds} seeds from ${from}, ${failed} failed; ${jobs} jobs, ${tasks} tasks, ${attempts} attempts; ${seconds()} s\n`,
  );
  if (failed > 0) process.stdout.write(`one of them again: npm run chaos -- --store ${store} --seed N\n`);
  return failed === 0 ? 0 : 1;
}

async function work(target: ChaosTarget, seeds: Iterator<number>, take: (answer: SeedAnswer) => void): Promise<void> {
  const worker = new Worker(new URL("./chaos-worker-program.ts", import.meta.url), { workerData: target });
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  for (let next = seeds.next(); !next.done; next = seeds.next()) {
    const answer = Promise.withResolvers<SeedAnswer>();
    worker.once("message", answer.resolve);
    worker.once("error", answer.reject);
    worker.postMessage(next.value);
    take(await answer.promise);
    worker.off("error", answer.reject);
  }
  worker.postMessage("stop");
  await exited;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: Error & { code?: string }) => {
  const isMistake = error instanceof RangeError || error.code?.startsWith("ERR_PARSE_ARGS");
  process.stderr.write(`${isMistake ? `${error.message}\nTry --help.` : error.stack}\n`);
  return 2;
});
