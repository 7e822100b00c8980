import type { Client } from "@spanloom/sdk";
import { chain, clock, fanOut, monotonicUs } from "../dispatch/tasks.ts";
import { percentile } from "../measure/statistics.ts";
import { flaky } from "./tasks.ts";

/** What a load has done since it was last asked, and where it stands. */
export interface LoadSample {
  /** Tasks of jobs that ended since the last sample. */
  tasksDone: number;
  /** Jobs submitted and not ended. */
  jobsOpen: number;
  /** Submission to result of single-task jobs that ended since the last sample, in milliseconds. NaN without any. */
  singleP50Ms: number;
  singleP99Ms: number;
  /** Jobs that failed and calls that were refused, ever: none is expected. */
  errors: readonly string[];
}

/** How much load. */
export interface LoadOptions {
  /** Tasks a second, whatever becomes of them; undefined: as many as keep `MAX_OPEN_JOBS` jobs open. */
  tasksPerSec?: number;
}

const FAN_OUT = 1_000;
const CHAIN_STEPS = 20;
const MAX_OPEN_JOBS = 100;
/** How long a step of the schedule is: with longer ones jobs would mostly wait for those submitted in the same step. */
const TICK_MS = 5;
const MAX_ERRORS_KEPT = 20;

/** One job of the mix. */
interface Kind {
  tasks: number;
  single: boolean;
  run(client: Client): Promise<unknown>;
}

const single: Kind = {
  tasks: 1,
  single: true,
  run: async (client) => (await client.jobs.submit(clock, undefined)).result(),
};
const kinds = {
  single,
  fanOut: {
    tasks: FAN_OUT + 1,
    single: false,
    run: async (client) => (await client.jobs.submit(fanOut, { children: FAN_OUT })).result(),
  },
  chain: {
    tasks: CHAIN_STEPS,
    single: false,
    run: async (client) => (await client.jobs.submit(chain, { steps: CHAIN_STEPS })).result(),
  },
  flaky: {
    tasks: 1,
    single: false,
    run: async (client) => (await client.jobs.submit(flaky, { fails: true })).result(),
  },
  steady: {
    tasks: 1,
    single: false,
    run: async (client) => (await client.jobs.submit(flaky, { fails: false })).result(),
  },
} satisfies Record<string, Kind>;

/** Jobs in the order they are submitted, over and over: half of the tasks in fan-outs, the rest in small jobs. */
const cycle: readonly Kind[] = [
  kinds.fanOut,
  ...Array.from({ length: 20 }, () => kinds.chain),
  ...Array.from({ length: 500 }, () => kinds.single),
  ...Array.from({ length: 50 }, () => kinds.flaky),
  ...Array.from({ length: 50 }, () => kinds.steady),
];

/** A steady mix of jobs against one server: singles, fan-outs of 1,000, chains of 20, tasks that fail once. */
export class Load {
  readonly #client: Client;
  readonly #tasksPerSec: number | undefined;
  readonly #startedAtMs = performance.now();
  readonly #errors: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #tasksSubmitted = 0;
  #tasksDone = 0;
  #open = new Set<Promise<void>>();
  #singleMs: number[] = [];

  constructor(client: Client, { tasksPerSec }: LoadOptions) {
    this.#client = client;
    this.#tasksPerSec = tasksPerSec;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  /** Figures since the last call. */
  sample(): LoadSample {
    const sample = {
      tasksDone: this.#tasksDone,
      jobsOpen: this.#open.size,
      singleP50Ms: percentile(this.#singleMs, 0.5),
      singleP99Ms: percentile(this.#singleMs, 0.99),
      errors: [...this.#errors],
    };
    this.#tasksDone = 0;
    this.#singleMs = [];
    return sample;
  }

  /** Submits no more and waits for what is open. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await Promise.all(this.#open);
  }

  #tick(): void {
    if (this.#timer === undefined && this.#next > 0) return;
    if (this.#tasksPerSec === undefined) {
      while (this.#open.size < MAX_OPEN_JOBS) this.#submit();
      return;
    }
    const due = ((performance.now() - this.#startedAtMs + TICK_MS) / 1000) * this.#tasksPerSec;
    while (this.#tasksSubmitted < due) this.#submit();
  }

  #submit(): void {
    const kind = cycle[this.#next++ % cycle.length] ?? single;
    this.#tasksSubmitted += kind.tasks;
    const job = this.#run(kind).finally(() => {
      this.#open.delete(job);
      if (this.#tasksPerSec === undefined) this.#tick();
    });
    this.#open.add(job);
  }

  async #run(kind: Kind): Promise<void> {
    const startedAtUs = monotonicUs();
    try {
      await kind.run(this.#client);
      this.#tasksDone += kind.tasks;
      if (kind.single) this.#singleMs.push((monotonicUs() - startedAtUs) / 1000);
    } catch (error) {
      // Not dropped: the verdict of the soak names it.
      if (this.#errors.length < MAX_ERRORS_KEPT) this.#errors.push(String(error));
    }
  }
}
