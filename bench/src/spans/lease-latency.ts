import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { JobService, type LeasedTask, RunnerService, TaskService } from "@spanloom/protocol";
import { type Connection, connect } from "@spanloom/sdk";

/** Tasks submitted at a time. */
const TASKS = 2_000;
/** Between an answer and the next call. */
const PAUSE_MS = 4;
/** Runners at once, each with one call in flight. */
const DEFAULT_LANES = 2;

/** Leases tasks one by one and reports each with the next call, as a runner of quick tasks does, and times the calls. */
export class LeaseLatency {
  readonly #connection: Connection;
  readonly #task = `timed-${crypto.randomUUID()}`;
  readonly #lanes: Promise<void>[];
  #timesMs: number[] = [];
  #stopped = false;

  constructor(url: string, lanes = DEFAULT_LANES) {
    this.#connection = connect({ url });
    this.#lanes = Array.from({ length: lanes }, () => this.#run());
  }

  /** Milliseconds of each call since the last time this was asked. */
  take(): number[] {
    const times = this.#timesMs;
    this.#timesMs = [];
    return times;
  }

  /** Ends with the calls in flight. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
    this.#connection.close();
  }

  async #run(): Promise<void> {
    const { transport } = this.#connection;
    const tasks = createClient(TaskService, transport);
    const runner = { id: crypto.randomUUID(), identifiers: [{ name: this.#task }], maxConcurrentTasks: 1 };
    await createClient(RunnerService, transport).registerRunner({ runner });
    let done: LeasedTask[] = [];
    while (!this.#stopped) {
      const startedAtMs = performance.now();
      const answer = await tasks.leaseTasks({
        runnerId: runner.id,
        identifiers: runner.identifiers,
        maxTasks: 1,
        results: done.map(resultOf),
      });
      this.#timesMs.push(performance.now() - startedAtMs);
      done = answer.tasks;
      if (done.length === 0) {
        await this.#submit();
        // What the submission took is no part of the next call.
        await delay(100);
        this.#timesMs.pop();
      }
      await delay(PAUSE_MS);
    }
  }

  async #submit(): Promise<void> {
    const inputs = Array.from({ length: TASKS }, () => new Uint8Array());
    const tasks = { specs: [{ identifier: { name: this.#task } }], groups: [{ inputs, specs: [0] }] };
    await createClient(JobService, this.#connection.transport).submitJob({ name: "timed", tasks });
  }
}

function resultOf({ taskId, attempt, leaseToken }: LeasedTask) {
  return { taskId, attempt, leaseToken, outcome: { case: "success" as const, value: {} } };
}
