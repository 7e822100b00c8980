import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { wholeNumber } from "../flag-values.ts";
import { loadOptional } from "../load-optional.ts";
import { logTo } from "../log-to.ts";
import { serverOptions, wantsJson } from "../server-options.ts";
import { untilAborted } from "../until-aborted.ts";
import { runnerDrainCommand } from "./runner-drain.ts";
import { runnerListCommand } from "./runner-list.ts";

interface RunnerFlags {
  queue?: string;
  concurrency?: number;
  serviceName?: string;
}

/** `spanloom runner`: runs the tasks of modules until it is told to stop; `runner list` lists runners, `runner drain` ends some. */
export function runnerCommand(context: CliContext): Command {
  return new Command("runner")
    .description("run the tasks that modules export, until Ctrl-C")
    .argument("<modules...>", "TypeScript or JavaScript modules that export tasks")
    .option("--queue <queues>", "queues to serve, separated by commas (default: default)")
    .option("--concurrency <n>", "attempts at once", wholeNumber("--concurrency", 1, 10_000))
    .option("--service-name <name>", "OpenTelemetry service name")
    .addCommand(runnerListCommand(context))
    .addCommand(runnerDrainCommand(context))
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom runner tasks.ts\n  spanloom runner tasks.ts --queue default,slow\n  spanloom runner list\n  spanloom runner drain 0190... --wait\n",
    )
    .action(async (modules: string[], flags: RunnerFlags, command: Command) => {
      const { Runner, cacheFromEnvironment, catchStrayErrors, loadTasks } = await loadOptional(
        "@spanloom/runner",
        () => import("@spanloom/runner"),
      );
      const tasks = await loadTasks(modules, process.cwd());
      const { queue, ...rest } = flags;
      const log = logTo(context.stderr);
      await using runner = new Runner({
        ...serverOptions(command, context),
        ...rest,
        ...(queue !== undefined && { queues: queue.split(",") }),
        tasks,
        cache: cacheFromEnvironment(context.env),
        log: (line) => {
          // It is told on the standard output, for programs as well.
          if (!line.includes(" is ready: ")) log(line);
        },
      });
      const stopped = new AbortController();
      let stray: unknown;
      const release = catchStrayErrors({
        runner,
        fatal: (error) => {
          stray = error;
          stopped.abort();
        },
      });
      // A server that is not there is tried for ever: the first Ctrl-C must end that, too.
      context.signal.addEventListener("abort", () => void runner.stop(), { once: true });
      await runner.start();
      const names = tasks.map(({ name, version }) => `${name}@${version}`);
      const json = wantsJson(command);
      const ready = json
        ? JSON.stringify({ id: runner.id, tasks: names })
        : `Runner ${runner.id} is ready: ${names.join(", ")}`;
      context.stdout.write(`${ready}\n`);
      void runner.drained.then(() => stopped.abort());
      await untilAborted(AbortSignal.any([context.signal, stopped.signal]));
      await runner.stop();
      release();
      if (stray !== undefined) throw stray;
    });
}
