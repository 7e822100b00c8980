import { parentPort, workerData } from "node:worker_threads";
import { runSeed } from "@spanloom/testing";
import { type ChaosTarget, openSubject } from "./chaos-subjects.ts";

/** Program of a worker thread: runs the seeds it is sent, one at a time, and answers what became of each. */

/** What became of a seed. */
export interface SeedAnswer {
  seed: number;
  /** Empty when model and store agreed. */
  failure: string;
  jobs: number;
  tasks: number;
  attempts: number;
}

const { subject, ...opened } = await openSubject(workerData as ChaosTarget);
parentPort?.on("message", async (seed: number | "stop") => {
  if (seed === "stop") {
    await opened[Symbol.asyncDispose]();
    parentPort?.close();
    return;
  }
  const { failure, jobs, tasks, attempts } = await runSeed({ subject, seed });
  parentPort?.postMessage({ seed, failure: failure?.message ?? "", jobs, tasks, attempts } satisfies SeedAnswer);
});
