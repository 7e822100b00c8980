import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { TaskResult } from "@spanloom/protocol";
import type { AnyTask } from "@spanloom/sdk";
import { type CliContext, UsageError } from "../cli-context.ts";
import { loadOptional } from "../load-optional.ts";
import { logTo } from "../log-to.ts";
import { untilAborted } from "../until-aborted.ts";
import { type KeptTelemetry, keptTelemetry } from "./kept-telemetry.ts";
import type { RecordedTask } from "./read-task.ts";
import { TaskStage } from "./task-stage.ts";

/** What came of running a recorded task. */
export interface Rerun extends KeptTelemetry {
  result: TaskResult;
}

/** How to run a recorded task. */
export interface RerunOptions {
  modules: readonly string[];
  /** Number of the attempt that its code is told. */
  attempt: number;
  context: CliContext;
}

/**
 * Runs a recorded task by the code of modules, in this process. What it prints goes to the standard error.
 *
 * Errors: UsageError when the modules do not export its code; the signal's reason.
 */
export async function runRecorded(recorded: RecordedTask, { modules, attempt, context }: RerunOptions): Promise<Rerun> {
  const { Runner, loadTasks } = await loadOptional("@spanloom/runner", () => import("@spanloom/runner"));
  const restore = divertOutput();
  const folder = await mkdtemp(join(tmpdir(), "spanloom-replay-"));
  const kept = keptTelemetry();
  const log = logTo(context.stderr);
  try {
    const tasks = await loadTasks(modules, process.cwd());
    checkExported(recorded, tasks);
    const stage = new TaskStage(recorded, { attempt, nowMs: context.nowMs });
    await using runner = new Runner({
      tasks,
      transport: stage.transport,
      concurrency: 1,
      prefetch: 0,
      graceMs: 0,
      cache: { url: pathToFileURL(folder).href },
      exporters: [kept.exporter],
      log: (line) => {
        // That it came and went concerns nobody.
        if (!/^runner \S+ (is ready|has stopped)/.test(line)) log(line);
      },
    });
    const stop = () => void runner.stop();
    context.signal.addEventListener("abort", stop, { once: true });
    await runner.start();
    const result = await Promise.race([stage.result, untilAborted(context.signal)]);
    context.signal.throwIfAborted();
    // Gives the exporter all there is.
    await runner.stop();
    return { ...kept, result: result as TaskResult };
  } finally {
    restore();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Sends what code prints to the standard error, as the standard output is for the answer, until it is undone. */
function divertOutput(): () => void {
  const { write } = process.stdout;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return () => {
    process.stdout.write = write;
  };
}

function checkExported({ task: { identifier } }: RecordedTask, tasks: readonly AnyTask[]): void {
  const name = identifier?.name ?? "";
  const version = identifier?.version || "1.0";
  const [major, minor] = version.split(".").map(Number);
  const fits = (offered: AnyTask) => {
    const [offeredMajor, offeredMinor = 0] = offered.version.split(".").map(Number);
    return offered.name === name && offeredMajor === major && offeredMinor >= (minor ?? 0);
  };
  if (tasks.some(fits)) return;
  const offered = tasks.map((task) => `${task.name}@${task.version}`).join(", ");
  throw new UsageError(`cannot replay "${name}@${version}": the modules export ${offered}`);
}
