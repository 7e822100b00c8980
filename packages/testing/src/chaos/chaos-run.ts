import { ChaosSteps, drawFaults, type StepName, stepWeights } from "./chaos-steps.ts";
import type { ChaosSubject } from "./chaos-subject.ts";
import { ChaosWorld } from "./chaos-world.ts";
import { describeJobs } from "./describe-jobs.ts";
import { SeededRandom } from "./seeded-random.ts";
import { drawTraits, WorkflowGenerator } from "./workflow-generator.ts";

/** What a seed is run with. */
export interface ChaosRunOptions {
  subject: ChaosSubject;
  seed: number;
  /** Steps before everything is let end. Default 140. */
  steps?: number;
  /** Numbers of steps to leave out, to find which of them matter. */
  without?: ReadonlySet<number>;
}

/** What became of a seed. */
export interface ChaosOutcome {
  seed: number;
  /** Undefined: model and store agreed throughout. */
  failure: Error | undefined;
  /** The step it failed at. */
  step: number;
  /** Steps it was to have before everything was let end, when they are not as many as usual. */
  steps: number | undefined;
  /** What happened, a line each. */
  events: readonly string[];
  jobs: number;
  tasks: number;
  attempts: number;
}

const DEFAULT_STEPS = 140;
const CHECK_EVERY = 20;

/** Runs a seed: a random workflow under random faults, the model beside the store. Never throws. */
export async function runSeed({ subject, seed, steps, without }: ChaosRunOptions): Promise<ChaosOutcome> {
  const random = new SeededRandom(seed);
  const jitter = new SeededRandom(seed, -2);
  await using world = await ChaosWorld.open({ subject, graceMs: random.pick([10_000, 2_000]), random: jitter.next });
  const traits = { ...drawTraits(random, subject.supported), ...drawFaults(random) };
  const weights = drawWeights(random);
  const chaos = new ChaosSteps(world, new WorkflowGenerator(traits), traits);
  const count = steps ?? DEFAULT_STEPS;
  let step = 0;
  let failure: Error | undefined;
  try {
    for (; step < count; step++) {
      if (without?.has(step)) continue;
      const own = new SeededRandom(seed, step);
      await chaos.step(own.weighted(weights), own);
      if (step % CHECK_EVERY === 0) await world.checkAll();
    }
    await chaos.finish();
    await world.checkAll();
    await world.checkSpans();
    // Most jobs have ended only now: some are run again.
    await chaos.retrySome(new SeededRandom(seed, -3));
    await chaos.finish();
    await world.checkAll();
    await world.checkSpans();
  } catch (error) {
    // Not dropped: it is the outcome of the seed.
    failure = error instanceof Error ? error : new Error(String(error));
    for (const line of describeJobs(world.model.state, failure.message)) world.note(line);
  }
  const { jobs, tasks } = world.model.state;
  const attempts = [...tasks.values()].reduce((sum, task) => sum + task.attempts.length, 0);
  return { seed, failure, step, steps, events: world.events, jobs: jobs.size, tasks: tasks.size, attempts };
}

/** Some things happen much more often in one seed than in another. */
function drawWeights(random: SeededRandom): Record<StepName, number> {
  const drawn = Object.entries(stepWeights).map(([name, weight]) => [name, weight * random.pick([0.3, 1, 1, 2])]);
  return Object.fromEntries(drawn) as Record<StepName, number>;
}

/** Leaves out as many steps of a failing seed as it fails without. */
export async function shrinkSeed(options: ChaosRunOptions, failed: ChaosOutcome): Promise<ChaosOutcome> {
  let best = failed;
  const without = new Set<number>(options.without);
  for (let step = failed.step + 1; step < (options.steps ?? DEFAULT_STEPS); step++) without.add(step);
  for (let size = 32; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < failed.step; from += size) {
      const trial = new Set([...without, ...Array.from({ length: size }, (_, i) => from + i)]);
      if (trial.size === without.size) continue;
      const outcome = await runSeed({ ...options, without: trial });
      if (outcome.failure === undefined || kindOf(outcome.failure) !== kindOf(failed.failure)) continue;
      best = outcome;
      for (const step of trial) without.add(step);
    }
  }
  return best;
}

/** What a failure says without ids and numbers: leaving out steps may bring up another one. */
function kindOf(failure: Error | undefined): string {
  return failure?.message.replace(/[0-9a-f-]*[0-9][0-9a-f-]*/g, "N") ?? "";
}
