import { setTimeout as delay } from "node:timers/promises";
import type { Transport } from "@connectrpc/connect";
import { ResultStatus } from "@spanloom/protocol";
import { LoopRunner, returned, type TaskCode } from "../rpc/testing/loop-runner.ts";
import { transportTo } from "./server-program.ts";

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const parsed = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

/** Code of a job that fans out to `width` leaves, each of which returns its number, and adds them up. */
export function fanOut(width: number): Readonly<Record<string, TaskCode>> {
  return {
    root: () => {
      const inputs = Array.from({ length: width }, (_, i) => json(i));
      return returned("root", {
        specs: [{ identifier: { name: "leaf" } }, { identifier: { name: "merge" } }],
        groups: [
          { inputs, specs: [0] },
          { inputs: [json(null)], specs: [1], dependsOn: [0] },
        ],
      });
    },
    leaf: ({ input }) => returned(parsed(input)),
    merge: ({ dependencies }) => returned(dependencies.reduce((sum, { output }) => sum + Number(parsed(output)), 0)),
  };
}

/** A submission of {@link fanOut}. */
export const fanOutJob = {
  name: "survivor",
  tasks: { specs: [{ identifier: { name: "root" } }], groups: [{ inputs: [json(0)], specs: [0] }] },
};

const RETRY_MS = 20;

/** Runs until it is stopped, across kills of servers: a failed call keeps its results and is made again. */
export class StubbornRunner {
  /** Results acknowledged as OK, by task and attempt. */
  readonly acknowledged = new Set<string>();
  readonly #code: Readonly<Record<string, TaskCode>>;
  readonly #id = crypto.randomUUID();
  #runner: LoopRunner;
  #stopped = false;
  /** Resolves when there is another server to talk to, or none any more. */
  #moved = Promise.withResolvers<void>();

  constructor(url: string, code: Readonly<Record<string, TaskCode>>) {
    this.#code = code;
    this.#runner = this.#make(transportTo(url));
  }

  #make(transport: Transport): LoopRunner {
    return new LoopRunner(transport, this.#code, this.#id);
  }

  /** Talks to another server from now on. */
  moveTo(url: string): void {
    this.#runner = this.#make(transportTo(url));
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  /** Ends {@link run}. */
  stop(): void {
    this.#stopped = true;
    this.#moved.resolve();
  }

  /** Leases, runs and reports. */
  async run(): Promise<void> {
    let work: ReturnType<LoopRunner["run"]> = { results: [], traces: [] };
    while (!this.#stopped) {
      const runner = this.#runner;
      try {
        const answer = await runner.exchange(work.results, { maxTasks: 5, waitMs: 200 });
        for (const { taskId, attempt, status } of answer.resultAcks)
          if (status === ResultStatus.OK) this.acknowledged.add(`${taskId}/${attempt}`);
        work = runner.run(answer.tasks);
      } catch {
        // The server is gone or its store is away: the results are kept and reported again, maybe to another one.
        if (runner === this.#runner) await Promise.race([this.#moved.promise, delay(RETRY_MS)]);
      }
    }
  }
}
