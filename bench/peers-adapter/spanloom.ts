/**
 * Spanloom as one more peer of the peer benchmark: the same workloads, on the same machine, in the same run.
 *
 * The harness is plain JavaScript and loads this file by its path; see bench/README.md for how it gets there.
 */
import { Runner } from "@spanloom/runner";
import { Client, type JobHandle, task } from "@spanloom/sdk";

/** What the harness gives a worker and a client. */
interface PeerContext {
  env: { spanloomUrl: string };
  concurrency: number;
  /** Counts a task body and gives its argument back. */
  task(i: number): number;
  /** An input of 100 bytes of JSON. */
  input(i: number, more?: object): PeerInput;
}

interface PeerInput {
  i: number;
  left?: number;
}

/** The bodies of the tasks run in the worker alone; the client needs the definitions for their names. */
function definitions(ctx: PeerContext) {
  const leaf = task({ name: "task", version: "1.0", run: ({ i }: PeerInput) => ctx.task(i) });
  const parent = task({
    name: "parent",
    version: "1.0",
    run({ children }: { children: number }, task) {
      task.submitMany(
        leaf,
        Array.from({ length: children }, (_, i) => ctx.input(i)),
      );
    },
  });
  const chain = task({
    name: "chain",
    version: "1.0",
    run({ i, left = 1 }: PeerInput, task): number {
      ctx.task(i);
      if (left > 1) task.submit(chain, ctx.input(i + 1, { left: left - 1 }));
      return i;
    },
  });
  return { leaf, parent, chain };
}

async function worker(ctx: PeerContext) {
  const tasks = Object.values(definitions(ctx));
  let runner: Runner | undefined;
  return {
    async start() {
      runner = new Runner({ url: ctx.env.spanloomUrl, tasks, concurrency: ctx.concurrency, log: () => {} });
      await runner.start();
    },
    stop: async () => runner?.stop(),
  };
}

async function client(ctx: PeerContext) {
  const spanloom = new Client({ url: ctx.env.spanloomUrl });
  const { leaf, parent, chain } = definitions(ctx);
  return {
    ready: async () => {},
    bulk: (count: number) =>
      spanloom.jobs.submitMany(
        leaf,
        Array.from({ length: count }, (_, i) => ctx.input(i)),
      ),
    parent: (children: number) => spanloom.jobs.submit(parent, { children }),
    chainTasks: (steps: number) => spanloom.jobs.submit(chain, ctx.input(0, { left: steps })),
    submit: (i: number) => spanloom.jobs.submit(leaf, ctx.input(i)),
    waitDone: (job: JobHandle<number>) => job.result(),
    async idle() {
      for await (const _ of spanloom.jobs.list({ states: ["QUEUED", "RUNNING", "CANCELLING"], limit: 1 })) return false;
      return true;
    },
    close: async () => spanloom.close(),
  };
}

const infraFile = new URL("./server-infra.ts", import.meta.url).href;

/** The adapter, as the harness expects it. */
export const spanloomPeer = {
  peer: "spanloom",
  packages: [],
  measures: ["A.bulk", "A.parent", "A.drain", "B.tasks", "C", "D"],
  notes: {
    tracing: "on: every job a complete trace, stored and queryable",
    results: "kept in the store, with all attempts",
    waiting: "JobHandle.result(), one long poll for all jobs",
  },
  variants: {
    spanloom: {
      infra: "spanloom",
      infraFile,
      infraOpts: { store: "sqlite" },
      durability: "SQLite WAL, synchronous=FULL: nothing acknowledged is lost at a power cut",
      about: "defaults: SQLite and chDB in one server process, tracing on",
    },
    "spanloom-pg": {
      infra: "spanloom",
      infraFile,
      infraOpts: { store: "postgres" },
      durability: "PostgreSQL defaults (fsync, synchronous_commit on)",
      about: "one server over PostgreSQL and chDB, tracing on",
    },
  },
  worker,
  client,
};
