import type { ConcurrencyRule, NewTaskSet, NewTaskSpec, RateRule, RetryRule } from "@spanloom/server/store";
import type { SeededRandom } from "./seeded-random.ts";

/** What a run's workflows are made of; each seed has some of it, so that rare combinations come up. */
export interface WorkflowTraits {
  optional: boolean;
  retries: boolean;
  attemptTimeouts: boolean;
  queueTimeouts: boolean;
  deadlines: boolean;
  startDelays: boolean;
  priorities: boolean;
  concurrency: boolean;
  jobConcurrency: boolean;
  rateLimits: boolean;
  versions: boolean;
  queues: boolean;
}

/** Names of tasks. */
export const taskNames = ["t0", "t1", "t2", "t3"] as const;
/** Queues; the first is the jobs'. */
export const queueNames = ["default", "other"] as const;
/** An error type that policies exclude from retries. */
export const FATAL = "Fatal";

/** Draws the traits of a run. */
export function drawTraits(random: SeededRandom, supported: Partial<WorkflowTraits>): WorkflowTraits {
  const draw = (name: keyof WorkflowTraits, probability: number) =>
    random.chance(probability) && supported[name] !== false;
  return {
    optional: draw("optional", 0.7),
    retries: draw("retries", 0.8),
    attemptTimeouts: draw("attemptTimeouts", 0.5),
    queueTimeouts: draw("queueTimeouts", 0.3),
    deadlines: draw("deadlines", 0.4),
    startDelays: draw("startDelays", 0.5),
    priorities: draw("priorities", 0.5),
    concurrency: draw("concurrency", 0.4),
    jobConcurrency: draw("jobConcurrency", 0.3),
    rateLimits: draw("rateLimits", 0.3),
    versions: draw("versions", 0.3),
    queues: draw("queues", 0.3),
  };
}

/** Makes sets of tasks. Inputs are numbers, each given once: they are how tasks are told apart. */
export class WorkflowGenerator {
  readonly #traits: WorkflowTraits;
  #inputs = 0;

  constructor(traits: WorkflowTraits) {
    this.#traits = traits;
  }

  /** Some groups of tasks, of which later ones may wait for earlier ones. */
  taskSet(random: SeededRandom, maxGroups: number, maxCount = 4): NewTaskSet {
    const specs: NewTaskSpec[] = [];
    const groups: NewTaskSet["groups"][number][] = [];
    for (let i = random.int(1, maxGroups); i > 0; i--) {
      const count = random.int(1, maxCount);
      const mixed = random.chance(0.15);
      const first = specs.length;
      for (let n = mixed ? count : 1; n > 0; n--) specs.push(this.#spec(random));
      groups.push({
        inputs: Array.from({ length: count }, () => Buffer.from(String(++this.#inputs))),
        specs: mixed ? Array.from({ length: count }, (_, n) => first + n) : [first],
        dependsOn: groups.map((_, index) => index).filter(() => random.chance(0.35)),
        displays: random.chance(0.1) ? Array.from({ length: count }, (_, n) => `display ${n}`) : [],
      });
    }
    return { specs, groups };
  }

  #spec(random: SeededRandom): NewTaskSpec {
    const traits = this.#traits;
    const some = (trait: boolean, probability: number) => trait && random.chance(probability);
    return {
      name: random.pick(taskNames),
      major: some(traits.versions, 0.1) ? 2 : 1,
      minor: some(traits.versions, 0.3) ? 1 : 0,
      optional: some(traits.optional, 0.3),
      retry: some(traits.retries, 0.6) ? retryRule(random) : once,
      ...(some(traits.queues, 0.3) && { queue: random.pick(queueNames) }),
      ...(some(traits.priorities, 0.4) && { priority: random.int(0, 2) }),
      ...(some(traits.attemptTimeouts, 0.2) && { attemptTimeoutMs: random.int(1, 20) * 1000 }),
      ...(some(traits.queueTimeouts, 0.25) && { queueTimeoutMs: random.int(1, 20) * 1000 }),
      ...(some(traits.startDelays, 0.2) && { startDelayMs: random.int(1, 5_000) }),
      ...(some(traits.concurrency, 0.4) && { concurrency: concurrencyRule(random, "task") }),
      ...(some(traits.rateLimits, 0.3) && { rateLimit: rateRule(random) }),
    };
  }
}

const once: RetryRule = {
  maxAttempts: 1,
  initialDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 300_000,
  jitter: 0,
  nonRetryableTypes: [],
};

function retryRule(random: SeededRandom): RetryRule {
  return {
    maxAttempts: random.int(2, 4),
    initialDelayMs: random.pick([0, 1, 700, 2_500.5]),
    factor: random.pick([1, 2, 3.5]),
    maxDelayMs: random.pick([0, 2_000, 60_000]),
    jitter: random.pick([0, 0, 0.5, 1]),
    nonRetryableTypes: random.chance(0.5) ? [FATAL] : [],
  };
}

/** A rule under one of a few keys, each with a limit of its own: who is let in first under differing ones is left open. */
export function concurrencyRule(random: SeededRandom, what: "task" | "job"): ConcurrencyRule {
  const index = random.int(0, 1);
  return {
    key: `${what}-key-${index}`,
    limit: index === 0 ? 1 : 3,
    policy: random.pick(["wait", "wait", "cancelRunning", "rejectNew"]),
  };
}

function rateRule(random: SeededRandom): RateRule {
  const key = random.int(0, 1);
  return { key: `rate-${key}`, limit: random.int(1, 4), windowMs: [1_000, 7_000][key]! };
}
