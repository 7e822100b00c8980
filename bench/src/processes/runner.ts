import { Runner } from "@spanloom/runner";
import { bigJob, chain, clock, fanOut, noop, traced, tracedFanOut } from "../dispatch/tasks.ts";
import { flaky } from "../soak/tasks.ts";
import { LogTap } from "./memory-sample.ts";
import { serveParent } from "./parent-link.ts";

let runner: Runner | undefined;
const tap = new LogTap();

serveParent(
  {
    /** Starts a runner for the benchmark's tasks. */
    async start({ url, concurrency }: { url: string; concurrency: number }) {
      const tasks = [noop, fanOut, bigJob, chain, clock, flaky, traced, tracedFanOut];
      runner = new Runner({ url, concurrency, tasks, serviceName: "bench", log: tap.log });
      await runner.start();
    },
    memory: (how: { collect: boolean }) => tap.sample(how),
  },
  async () => runner?.stop(),
);
