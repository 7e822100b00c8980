import { test } from "vitest";
import { type ChaosOutcome, runSeed } from "./chaos/chaos-run.ts";
import type { ChaosSubject } from "./chaos/chaos-subject.ts";

/** Which seeds to run, in how many tests. */
export interface ChaosSeeds {
  from: number;
  count: number;
  /** Seeds of one test. Default 20. */
  each?: number;
  /** Steps of each seed. Default: as many as when it is run alone. */
  steps?: number;
}

/** Random workflows under random faults beside the reference model: one test for some seeds each. */
export function testChaos(subject: ChaosSubject, { from, count, each = 20, steps }: ChaosSeeds): void {
  for (let first = from; first < from + count; first += each) {
    const last = Math.min(first + each, from + count) - 1;
    test(`whatever happens, store and model agree (${subject.name}, seeds ${first} to ${last})`, async () => {
      for (let seed = first; seed <= last; seed++) {
        const outcome = await runSeed({ subject, seed, ...(steps !== undefined && { steps }) });
        if (outcome.failure !== undefined)
          throw new Error(describeFailure(subject.name, outcome), { cause: outcome.failure });
      }
    }, 120_000);
  }
}

const LAST_EVENTS = 30;

/** What to read and type after a seed failed. */
export function describeFailure(
  store: string,
  { seed, step, steps, failure, events }: ChaosOutcome,
  last = LAST_EVENTS,
): string {
  return [
    `seed ${seed} failed at step ${step}: ${failure?.message}`,
    ...events.slice(-last).map((line) => `  ${line}`),
    `again, with fewer steps: npm run chaos -- --store ${store} --seed ${seed}${steps === undefined ? "" : ` --steps ${steps}`}`,
  ].join("\n");
}
