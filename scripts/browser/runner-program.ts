import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a runner is to do, and for whom. */
export interface RunnerProgramOptions {
  /** File of its tasks. */
  tasks: string;
  url: string;
  token: string;
  /** `service.name` of its spans. */
  serviceName: string;
  queues?: readonly string[];
  concurrency?: number;
}

/** A `spanloom-runner` in a process of its own, as users start it; it ends when disposed of. */
export async function startRunnerProgram(options: RunnerProgramOptions): Promise<AsyncDisposable> {
  const { tasks, url, token, serviceName, queues = ["default"], concurrency = 8 } = options;
  const bin = fileURLToPath(new URL("bin/spanloom-runner.ts", import.meta.resolve("@spanloom/runner")));
  const work = ["--queue", queues.join(","), "--concurrency", String(concurrency)];
  const child = spawn(process.execPath, [bin, tasks, "--url", url, "--service-name", serviceName, ...work], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, SPANLOOM_TOKEN: token },
  });
  const exited = once(child, "exit");
  const ready = Promise.withResolvers<void>();
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-5_000);
      if (/\bready\b/.test(said)) ready.resolve();
    });
  }
  child.once("error", ready.reject);
  child.once("exit", (code, signal) => {
    ready.reject(new Error(`cannot start a runner of ${tasks}: it ended with ${signal ?? code}\n${said}`));
  });
  await ready.promise;
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exited;
    },
  };
}
