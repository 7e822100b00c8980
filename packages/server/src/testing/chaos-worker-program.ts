import { parentPort } from "node:worker_threads";
import { runSeed } from "@spanloom/testing";
import { chaosSubjects } from "./chaos-subjects.ts";

/** Program of a worker thread: runs the seeds it is sent, one at a time, and answers what became of each. */

/** A seed to run. */
export interface SeedMessage {
  store: string;
  seed: number;
}

/** What became of it. */
export interface SeedAnswer {
  seed: number;
  /** Empty when model and store agreed. */
  failure: string;
  jobs: number;
  tasks: number;
  attempts: number;
}

parentPort?.on("message", async ({ store, seed }: SeedMessage) => {
  const outcome = await runSeed({ subject: chaosSubjects[store]!, seed });
  const { failure, jobs, tasks, attempts } = outcome;
  parentPort?.postMessage({ seed, failure: failure?.message ?? "", jobs, tasks, attempts } satisfies SeedAnswer);
});
