import { AttemptOutcome, IdGenerator, TaskState, traceIdOfJob } from "@spanloom/protocol";
import type { AttemptReport, AttemptResult, ClaimRequest, Lease, NewJob } from "@spanloom/server/store";
import { ChaosActions, type HeldLease } from "./chaos-actions.ts";
import type { Action, ChaosWorld } from "./chaos-world.ts";
import { jobHasEnded } from "./model-state.ts";
import type { SeededRandom } from "./seeded-random.ts";
import {
  concurrencyRule,
  FATAL,
  queueNames,
  taskNames,
  type WorkflowGenerator,
  type WorkflowTraits,
} from "./workflow-generator.ts";

/** Lease lengths runners ask for. */
const LEASE_MS = 15_000;
/** Short, so that no task is given up for other reasons first. */
const STORM_LEASE_MS = 500;
const NO_BYTES = new Uint8Array(0);
const MAX_TASKS = 160;

/** What a run is made of besides its workflows; each seed has some of it. */
export interface FaultTraits {
  /** How often attempts fail. */
  failures: number;
  /** How often a success brings children. */
  children: number;
  clockBack: boolean;
  drains: boolean;
  unknownIdentifiers: boolean;
  /** Whether runners lease all there is and die, again and again. */
  storms: boolean;
}

/** Draws the faults of a run. */
export function drawFaults(random: SeededRandom): FaultTraits {
  return {
    failures: random.pick([0.05, 0.15, 0.4]),
    children: random.pick([0.1, 0.3, 0.5]),
    clockBack: random.chance(0.3),
    drains: random.chance(0.2),
    unknownIdentifiers: random.chance(0.2),
    storms: random.chance(0.15),
  };
}

/** What happens at a step, by name. */
export type StepName =
  | "submit"
  | "claim"
  | "report"
  | "repeat"
  | "forge"
  | "pass"
  | "maintain"
  | "heartbeat"
  | "cancel"
  | "retryJob"
  | "goodbye"
  | "drain"
  | "die"
  | "storm"
  | "restart"
  | "breakOff"
  | "killDuring"
  | "together"
  | "project";

/** How often each happens. */
export const stepWeights: Readonly<Record<StepName, number>> = {
  submit: 8,
  claim: 26,
  report: 40,
  repeat: 4,
  forge: 2,
  pass: 8,
  maintain: 8,
  heartbeat: 5,
  cancel: 1.5,
  retryJob: 3,
  goodbye: 1,
  drain: 1,
  die: 2,
  storm: 1,
  restart: 1,
  breakOff: 1,
  killDuring: 1,
  together: 5,
  project: 2,
};

/** Turns random numbers into things that happen to a world. */
export class ChaosSteps {
  readonly #world: ChaosWorld;
  readonly #actions: ChaosActions;
  readonly #generator: WorkflowGenerator;
  readonly #traits: WorkflowTraits & FaultTraits;
  readonly #ids = new IdGenerator();
  readonly #runners: string[];
  readonly #jobs: NewJob[] = [];

  constructor(world: ChaosWorld, generator: WorkflowGenerator, traits: WorkflowTraits & FaultTraits) {
    this.#world = world;
    this.#actions = new ChaosActions(world);
    this.#generator = generator;
    this.#traits = traits;
    this.#runners = Array.from({ length: 3 }, () => this.#ids.next());
  }

  /** Lets something happen. */
  async step(name: StepName, random: SeededRandom): Promise<void> {
    const world = this.#world;
    switch (name) {
      case "pass":
        return this.#pass(random);
      case "die":
        return this.#die(random);
      case "storm":
        return this.#storm(random);
      case "restart":
        return world.restart();
      case "breakOff":
        return world.breakOff();
      case "project":
        return world.project();
      case "killDuring":
        return world.actAndBreakOff(this.#uncertain(random), () => aMoment(random.int(0, 2)));
      case "together":
        return world.actTogether(this.#several(random));
      default: {
        const action = this.#action(name, random);
        if (action !== undefined) await world.act(action);
      }
    }
  }

  #action(name: StepName, random: SeededRandom): Action | undefined {
    const actions = this.#actions;
    const runnerId = random.pick(this.#runners);
    switch (name) {
      case "submit":
        return this.#submit(random);
      case "claim":
        return actions.exchange({ runnerId, reports: [], claim: this.#claim(random, runnerId) }, random.chance(0.03));
      case "report":
        return this.#report(random);
      case "repeat":
        return this.#repeat(random);
      case "forge":
        return this.#forge(random);
      case "maintain":
        return actions.maintain();
      case "heartbeat":
        return actions.heartbeat(runnerId, random.pick([LEASE_MS, 5_000]), {
          done: random.int(0, 3),
          listens: random.chance(0.5),
        });
      case "cancel":
        return this.#cancel(random);
      case "retryJob":
        return this.#retryJob(random);
      case "goodbye":
        return actions.unregister(runnerId);
      case "drain":
        return this.#drain(random, runnerId);
      default:
        return undefined;
    }
  }

  #cancel(random: SeededRandom): Action | undefined {
    const known = [...this.#world.model.state.jobs.keys()];
    return known.length === 0 ? undefined : this.#actions.cancel(random.pick(known));
  }

  /** Mostly of a job that has ended; of some of its tasks that did not end well, or sometimes of any. */
  #retryJob(random: SeededRandom): Action | undefined {
    const { state } = this.#world.model;
    const jobs = [...state.jobs.keys()].filter((id) => random.chance(0.1) || jobHasEnded(state, id));
    if (jobs.length === 0) return undefined;
    const jobId = random.pick(jobs);
    if (random.chance(0.4)) return this.#actions.retryJob(jobId, []);
    const any = random.chance(0.1);
    const tasks = [...state.tasks.values()].filter((task) => {
      return any || (task.jobId === jobId && task.state !== TaskState.SUCCEEDED);
    });
    const named = Array.from({ length: random.int(1, 3) }, () => random.pick(tasks)?.key);
    return tasks.length === 0 ? undefined : this.#actions.retryJob(jobId, [...new Set(named)]);
  }

  /** Runs some jobs again. */
  async retrySome(random: SeededRandom): Promise<void> {
    for (let i = 0; i < MAX_RETRIED; i++) {
      const action = this.#retryJob(random);
      if (action !== undefined) await this.#world.act(action);
      if (random.chance(0.2)) await this.#world.restart();
    }
  }

  #submit(random: SeededRandom): Action {
    if (this.#jobs.length > 0 && random.chance(0.15)) return this.#submitAgain(random);
    const room = this.#world.model.state.tasks.size < MAX_TASKS;
    const jobs = Array.from({ length: room ? random.pick([1, 1, 1, 1, 2, 3]) : 1 }, () => this.#newJob(random, room));
    this.#jobs.push(...jobs);
    return this.#actions.submit(jobs);
  }

  #submitAgain(random: SeededRandom): Action {
    const job = random.pick(this.#jobs);
    const changed = random.chance(0.3) ? { requestHash: "other" } : {};
    // Without a key it is another job: its tasks must be others.
    if (job.idempotencyKey === "") return this.#submitNew(random);
    return this.#actions.submit([{ ...job, id: this.#ids.next(), ...changed }]);
  }

  #submitNew(random: SeededRandom): Action {
    const job = this.#newJob(random, false);
    this.#jobs.push(job);
    return this.#actions.submit([job]);
  }

  #newJob(random: SeededRandom, large: boolean): NewJob {
    const id = this.#ids.next();
    const nowUs = this.#world.clock.nowUs();
    const keyed = random.chance(0.3);
    const { priorities, deadlines, startDelays, jobConcurrency } = this.#traits;
    return {
      id,
      name: random.pick(["a", "b"]),
      tasks: this.#generator.taskSet(random, large ? 4 : 1, large ? 4 : 2),
      tags: {},
      queue: queueNames[0],
      priority: priorities ? random.int(0, 2) : 0,
      idempotencyKey: keyed ? `key-${id}` : "",
      requestHash: keyed ? `hash-${id}` : "",
      trace: { traceId: traceIdOfJob(id), parentSpanId: "", tracestate: "", baggage: "", sampled: true },
      ...(deadlines && random.chance(0.3) && { deadlineUs: nowUs + random.int(1, 60_000) * 1000 }),
      ...(startDelays && random.chance(0.2) && { startAtUs: nowUs + random.int(1, 20_000) * 1000 }),
      ...(jobConcurrency && random.chance(0.5) && { concurrency: concurrencyRule(random, "job") }),
    };
  }

  #claim(random: SeededRandom, runnerId: string): ClaimRequest {
    const all = taskNames.flatMap((name) => [1, 2].map((major) => ({ name, major, minor: 1 })));
    const some = random.chance(0.15);
    return {
      runnerId,
      queues: some ? [random.pick(queueNames)] : queueNames,
      identifiers: some ? all.slice(0, random.int(1, 4)).map((one) => ({ ...one, minor: random.int(0, 1) })) : all,
      limit: random.pick([1, 1, 2, 3, 5, 8, 40]),
      leaseMs: random.pick([LEASE_MS, LEASE_MS, 5_000]),
    };
  }

  #report(random: SeededRandom): Action | undefined {
    const { held } = this.#actions;
    if (held.length === 0) return undefined;
    const first = this.#takeHeld(random.int(0, held.length - 1));
    const taken = [first];
    while (random.chance(0.4)) {
      const next = held.findIndex(({ runnerId }) => runnerId === first.runnerId);
      if (next < 0) break;
      taken.push(this.#takeHeld(next));
    }
    const reports = taken.map(({ lease }) => this.#anyReport(lease, random));
    if (random.chance(0.05)) reports.push(reports[0]!);
    const { runnerId } = first;
    const claim = random.chance(0.4) ? this.#claim(random, runnerId) : undefined;
    return this.#actions.exchange({ runnerId, reports, claim }, random.chance(0.05));
  }

  #takeHeld(index: number): HeldLease {
    return this.#actions.held.splice(index, 1)[0]!;
  }

  #anyReport(lease: Lease, random: SeededRandom): AttemptReport {
    const { taskId, attempt, token } = lease;
    const progress = random.chance(0.1) ? [{ label: "steps", done: random.int(0, 9), total: 9 }] : [];
    const result = this.#anyResult(random);
    return { taskId, attempt, token, result, progress, spanExtras: NO_BYTES, droppedTelemetry: 0 };
  }

  #anyResult(random: SeededRandom): AttemptResult {
    const { failures, children, unknownIdentifiers } = this.#traits;
    if (random.chance(failures)) return anyFailure(random);
    if (random.chance(0.04)) {
      return { kind: "released", unknownIdentifier: unknownIdentifiers && random.chance(0.5) };
    }
    const room = this.#world.model.state.tasks.size < MAX_TASKS;
    return {
      kind: "success",
      output: Buffer.from(`output ${random.int(0, 999)}`),
      children: room && random.chance(children) ? this.#generator.taskSet(random, 3) : undefined,
      display: random.chance(0.1) ? `shown ${random.int(0, 9)}` : undefined,
    };
  }

  #repeat(random: SeededRandom): Action | undefined {
    const { sent } = this.#actions;
    if (sent.length === 0) return undefined;
    const { runnerId, report } = random.pick(sent);
    return this.#actions.exchange({ runnerId, reports: [report], claim: undefined });
  }

  /** A report or a heartbeat with a token or an attempt number that was never given. */
  #forge(random: SeededRandom): Action | undefined {
    const { held } = this.#actions;
    if (held.length === 0) return undefined;
    const { lease, runnerId } = random.pick(held);
    const forged = this.#anyReport(lease, random);
    const token = Uint8Array.from(lease.token, (byte) => byte ^ 1);
    const wrong = random.chance(0.5) ? { token } : { attempt: lease.attempt + random.pick([-1, 1]) };
    if (wrong.attempt === 0) return undefined;
    if (random.chance(0.3)) {
      const running = [{ ...lease, ...wrong, progress: [{ label: "steps", done: 1, total: 9 }] }];
      return this.#actions.beat({ runnerId, running, leaseMs: 4 * LEASE_MS });
    }
    const report = { ...forged, ...wrong };
    return {
      ...this.#actions.exchange({ runnerId, reports: [report], claim: undefined }),
      after: () => undefined,
    };
  }

  #drain(random: SeededRandom, runnerId: string): Action | undefined {
    const known = this.#world.model.state.runners.has(runnerId);
    if (this.#traits.drains && known && random.chance(0.3)) return this.#actions.drain(runnerId);
    return this.#actions.register(runnerId, this.#claim(random, runnerId));
  }

  /** Time passes: anyhow, or to a moment around the one at which something is due. */
  async #pass(random: SeededRandom): Promise<void> {
    const world = this.#world;
    const nowUs = world.clock.nowUs();
    const dueUs = world.model.earliestDueUs(nowUs);
    if (random.chance(0.3) && dueUs > nowUs && dueUs < Infinity) {
      world.moveClock((dueUs - nowUs + random.int(-1, 1)) / 1000);
      if (random.chance(0.5)) await world.act(this.#actions.maintain());
      return;
    }
    const back = this.#traits.clockBack && random.chance(0.2);
    const ms = back ? -random.int(1, 20_000) : random.pick([1, 300, 2_000, 6_000, 16_000, 40_000]) * random.next();
    world.moveClock(ms);
  }

  /** A runner dies: nobody reports what it held. */
  #die(random: SeededRandom): void {
    const runnerId = random.pick(this.#runners);
    const { held } = this.#actions;
    const kept = held.filter((one) => one.runnerId !== runnerId);
    this.#world.note(`${runnerId.slice(-6)} dies with ${held.length - kept.length} leases`);
    held.splice(0, held.length, ...kept);
  }

  /** Attempts are lost so often that tasks are given up. */
  async #storm(random: SeededRandom): Promise<void> {
    if (!this.#traits.storms) return;
    const world = this.#world;
    const runnerId = random.pick(this.#runners);
    for (let times = random.int(5, 13); times > 0; times--) {
      const claim = { ...this.#claim(random, runnerId), limit: 40, leaseMs: STORM_LEASE_MS };
      await world.act(this.#actions.exchange({ runnerId, reports: [], claim }, true));
      world.moveClock(STORM_LEASE_MS);
      await world.act(this.#actions.maintain());
    }
  }

  /** Something whose effect the model knows without an answer. */
  #uncertain(random: SeededRandom): Action {
    const { held } = this.#actions;
    if (held.length === 0 || random.chance(0.3)) return this.#submitNew(random);
    if (random.chance(0.2)) return this.#cancel(random) ?? this.#submitNew(random);
    const { runnerId, lease } = this.#takeHeld(random.int(0, held.length - 1));
    const report = this.#anyReport(lease, random);
    // The runner sends it again to the next server.
    this.#actions.sent.push({ runnerId, report });
    return this.#actions.exchange({ runnerId, reports: [report], claim: undefined });
  }

  #several(random: SeededRandom): Action[] {
    const names = Array.from({ length: random.int(2, 4) }, () =>
      random.weighted({
        claim: 3,
        report: 4,
        submit: 1,
        cancel: 0.3,
        retryJob: 0.5,
        heartbeat: 1,
        repeat: 0.5,
      } as const),
    );
    return names.flatMap((name) => this.#action(name, random) ?? []);
  }

  /** Lets everything end: a fresh runner does all there is, the clock moves to whatever is due. */
  async finish(): Promise<void> {
    const world = this.#world;
    const runnerId = this.#ids.next();
    const claim = {
      runnerId,
      queues: queueNames,
      identifiers: taskNames.flatMap((name) => [1, 2].map((major) => ({ name, major, minor: 9 }))),
      limit: 1_000,
      leaseMs: LEASE_MS,
    };
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const { leases } = await world.act(this.#actions.exchange({ runnerId, reports: [], claim }, true));
      const reports = leases.map(({ taskId, attempt, token }): AttemptReport => {
        const result = {
          kind: "success",
          output: Buffer.from("done"),
          children: undefined,
          display: undefined,
        } as const;
        return { taskId, attempt, token, result, progress: [], spanExtras: NO_BYTES, droppedTelemetry: 0 };
      });
      if (reports.length > 0) {
        await world.act(this.#actions.exchange({ runnerId, reports, claim: undefined }));
        continue;
      }
      const { state } = world.model;
      if ([...state.jobs.keys()].every((id) => jobHasEnded(state, id))) return;
      const dueUs = world.nextLookUs();
      if (dueUs > world.clock.nowUs()) world.clock.set(dueUs);
      await world.act(this.#actions.maintain());
    }
    throw new Error("cannot finish: something is pending for ever");
  }
}

const MAX_ROUNDS = 500;
const MAX_RETRIED = 5;

function anyFailure(random: SeededRandom): AttemptResult {
  const dice = random.next();
  const outcome = dice < 0.7 ? AttemptOutcome.FAILURE : dice < 0.85 ? AttemptOutcome.TIMEOUT : AttemptOutcome.CANCELLED;
  return {
    kind: "failure",
    failure: { type: random.pick(["Error", "Error", FATAL]), message: "chaos", stack: "" },
    outcome,
    retryable: random.chance(0.15) ? random.chance(0.5) : undefined,
    retryAfterMs: random.chance(0.15) ? random.int(0, 10_000) : undefined,
  };
}

/** Some turns of the event loop, in which a commit may or may not happen. */
async function aMoment(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}
