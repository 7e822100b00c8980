import { Runner } from "@spanloom/runner";
import { chain, clock, fanOut, noop } from "../dispatch/tasks.ts";
import { serveParent } from "./parent-link.ts";

let runner: Runner | undefined;

serveParent(
  {
    /** Starts a runner for the benchmark's tasks. */
    async start({ url, concurrency }: { url: string; concurrency: number }) {
      runner = new Runner({ url, concurrency, tasks: [noop, fanOut, chain, clock], serviceName: "bench" });
      await runner.start();
    },
  },
  async () => runner?.stop(),
);
