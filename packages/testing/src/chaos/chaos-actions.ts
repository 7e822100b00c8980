import { SpanloomError } from "@spanloom/protocol";
import type {
  AttemptReport,
  ClaimRequest,
  Exchange,
  ExchangeOutcome,
  HeartbeatOutcome,
  JobRecord,
  Lease,
  MaintenanceOutcome,
  NewJob,
  RunningReport,
  SubmitOutcome,
} from "@spanloom/server/store";
import type { Action, ChaosWorld } from "./chaos-world.ts";
import { dueOrders } from "./explain.ts";
import type { RetryAnswer } from "./model.ts";

/** A lease as its runner believes to hold it. */
export interface HeldLease {
  runnerId: string;
  lease: Lease;
}

/** A report that was sent, to be sent again. */
export interface SentReport {
  runnerId: string;
  report: AttemptReport;
}

/** What a runner says that it runs. */
export interface Beat {
  runnerId: string;
  running: readonly RunningReport[];
  leaseMs: number;
}

/** Makes actions on the store out of what runners and clients ask for. */
export class ChaosActions {
  /** What runners believe to hold. */
  readonly held: HeldLease[] = [];
  readonly sent: SentReport[] = [];
  readonly #world: ChaosWorld;

  constructor(world: ChaosWorld) {
    this.#world = world;
  }

  /** Submits jobs in one request. */
  submit(jobs: readonly NewJob[]): Action<readonly SubmitOutcome[]> {
    const nowUs = this.#world.clock.nowUs();
    return {
      text: `submit ${jobs.map(jobText).join(" and ")}`,
      brings: "work",
      run: (store) => store.submitJobs(jobs),
      explain: (outcomes) => [(model) => model.submit(nowUs, jobs, outcomes)],
    };
  }

  /** Reports and claims. A runner whose answer got lost does not learn of its leases. */
  exchange(exchange: Exchange, lost = false): Action<ExchangeOutcome> {
    const nowUs = this.#world.clock.nowUs();
    const { runnerId, reports } = exchange;
    return {
      text: `${exchangeText(exchange)}${lost ? ", answer lost" : ""}`,
      ...(reports.length > 0 && { brings: "results" }),
      run: (store) => store.exchange(exchange),
      explain: (outcome) => [(model) => model.exchange(nowUs, exchange, outcome)],
      after: ({ leases }) => {
        if (leases.length > 0) this.#world.note(`  leased ${leases.map(leaseText).join(" ")}`);
        for (const report of reports) this.sent.push({ runnerId, report });
        if (!lost) for (const lease of leases) this.held.push({ runnerId, lease });
      },
    };
  }

  /** Extends all leases a runner believes to hold; it drops those it lost when it listens. */
  heartbeat(runnerId: string, leaseMs: number, options: { done: number; listens: boolean }): Action<HeartbeatOutcome> {
    const progress = options.done === 0 ? [] : [{ label: "steps", done: options.done, total: 9 }];
    const running = this.held.filter((held) => held.runnerId === runnerId).map(({ lease }) => ({ ...lease, progress }));
    return {
      ...this.beat({ runnerId, running, leaseMs }),
      after: ({ lost }) => {
        for (const { taskId, attempt } of options.listens ? lost : []) {
          const at = this.held.findIndex(({ lease }) => lease.taskId === taskId && lease.attempt === attempt);
          if (at >= 0) this.held.splice(at, 1);
        }
      },
    };
  }

  /** Sends a heartbeat as it is, whoever holds what it names. */
  beat({ runnerId, running, leaseMs }: Beat): Action<HeartbeatOutcome> {
    const nowUs = this.#world.clock.nowUs();
    return {
      text: `${short(runnerId)} beats for ${running.map(leaseText).join(" ") || "nothing"}`,
      run: (store) => store.heartbeat(runnerId, running, leaseMs),
      explain: (outcome) => [(model) => model.heartbeat(nowUs, { runnerId, running, leaseMs }, outcome)],
    };
  }

  /** Cancels a job. */
  cancel(jobId: string): Action<JobRecord> {
    const nowUs = this.#world.clock.nowUs();
    return {
      text: `cancel job ${short(jobId)}`,
      run: (store) => store.cancelJob(jobId, "chaos"),
      explain: () => [(model) => model.cancelJob(nowUs, jobId, "chaos")],
    };
  }

  /** Runs an ended job's bad tasks again, all or those with these inputs; one that is refused changes nothing. */
  retryJob(jobId: string, keys: readonly string[]): Action<RetryAnswer> {
    const { clock, model } = this.#world;
    const nowUs = clock.nowUs();
    const ids = keys.map((key) => model.state.tasks.get(key)!.id!);
    return {
      text: `retry job ${short(jobId)} ${keys.length === 0 ? "whole" : `tasks ${keys}`}`,
      run: async (store) => {
        try {
          return (await store.retryJob(jobId, ids)).retried;
        } catch (error) {
          if (error instanceof SpanloomError && !error.retryable && error.reason !== "INTERNAL") return error.reason;
          throw error;
        }
      },
      explain: (answer) => [(trial) => trial.retryJob(nowUs, jobId, keys, answer!)],
    };
  }

  /** Does what the clock asks for. */
  maintain(): Action<MaintenanceOutcome> {
    const world = this.#world;
    const nowUs = world.clock.nowUs();
    return {
      text: "maintain",
      run: async (store) => {
        world.beginPass();
        const outcome = await store.maintain(LIMIT);
        if (outcome.nextDueUs !== undefined) world.plan(outcome.nextDueUs);
        const { lost, woken, fenced } = outcome;
        if (lost + woken + fenced > 0) world.note(`  ${lost} lost, ${woken} woken, ${fenced} fenced`);
        return outcome;
      },
      explain: (outcome) =>
        dueOrders(world.model.overdue(nowUs)).map((order) => {
          return (model, seen) => model.maintain(nowUs, outcome, order(seen));
        }),
    };
  }

  /** Says goodbye for a runner. */
  unregister(runnerId: string): Action<void> {
    const nowUs = this.#world.clock.nowUs();
    return {
      text: `${short(runnerId)} says goodbye`,
      run: (store) => store.unregisterRunner(runnerId),
      explain: () => [(model) => model.unregister(nowUs, runnerId)],
    };
  }

  /** Registers a runner, or registers it again. */
  register(runnerId: string, claim: ClaimRequest): Action<void> {
    const { queues, identifiers } = claim;
    const versions = { sdkName: "chaos", sdkVersion: "1", serviceName: "chaos", serviceVersion: "1" };
    const runner = { id: runnerId, host: "here", pid: 1, ...versions, queues, identifiers, capacity: 10 };
    return {
      text: `${short(runnerId)} registers`,
      run: (store) => store.registerRunner(runner),
      explain: () => [(model) => model.register(runnerId, identifiers)],
    };
  }

  /** Tells a runner to drain. */
  drain(runnerId: string): Action<void> {
    return {
      text: `${short(runnerId)} is told to drain`,
      run: (store) => store.drainRunner(runnerId),
      explain: () => [(model) => model.drain(runnerId)],
    };
  }
}

/** More than is ever due at once: with less, who is dealt with first would be left open. */
const LIMIT = 10_000;

/** The end of an id, which differs. */
export function short(id: string): string {
  return id.slice(-6);
}

function leaseText({ input, attempt }: { input?: Uint8Array; attempt: number }): string {
  return `${Buffer.from(input ?? []).toString()}#${attempt}`;
}

function jobText({ id, tasks, idempotencyKey, priority, deadlineUs, startAtUs, concurrency }: NewJob): string {
  const more = { ...(idempotencyKey !== "" && { idempotencyKey }), priority, deadlineUs, startAtUs, concurrency };
  return `job ${short(id)} ${JSON.stringify(more)} of ${tasksText(tasks)}`;
}

function tasksText({ specs, groups }: NewJob["tasks"]): string {
  return groups
    .map((group) => {
      const { retry, major, minor, ...spec } = specs[group.specs[0]!]!;
      const inputs = group.inputs.map((input) => Buffer.from(input).toString()).join(",");
      const after = group.dependsOn.length > 0 ? ` after ${group.dependsOn}` : "";
      return `[${inputs}${after} ${JSON.stringify({ ...spec, retries: retry.maxAttempts })}]`;
    })
    .join(" ");
}

function exchangeText({ runnerId, reports, claim }: Exchange): string {
  const told = reports.map(({ taskId, attempt, result }) => {
    const children = result.kind === "success" && result.children ? ` with ${tasksText(result.children)}` : "";
    const what = result.kind === "failure" ? `${result.kind} ${result.failure.type}` : result.kind;
    return `${what} of ${short(taskId)}#${attempt}${children}`;
  });
  const wants = claim === undefined ? [] : [`claims ${claim.limit}`];
  return `${short(runnerId)} ${[...told, ...wants].join(", ") || "says nothing"}`;
}
