import { stat } from "node:fs/promises";
import { Command } from "commander";
import { type CliContext, UsageError } from "../cli-context.ts";
import { runWatched } from "../dev/run-watched.ts";
import { wholeNumber } from "../flag-values.ts";
import { addServerFlags } from "../server-flags.ts";
import { serverOptions, wantsJson } from "../server-options.ts";
import { listeningText, startServerOf } from "../start-server.ts";

/** `spanloom dev`: a server and a runner that starts anew whenever its code changes. */
export function devCommand(context: CliContext): Command {
  const command = new Command("dev")
    .description("run a server, its console and the tasks of modules, anew whenever their code changes, until Ctrl-C")
    .argument("<modules...>", "TypeScript or JavaScript modules that export tasks")
    .option("--queue <queues>", "queues to serve, separated by commas (default: default)")
    .option("--concurrency <n>", "attempts at once", wholeNumber("--concurrency", 1, 10_000));
  command.optionsGroup("Options of the server, as spanloom server has them:");
  return addServerFlags(command)
    .addHelpText("after", examples)
    .action(async (modules: string[], flags: RunnerFlags) => {
      await checkThere(modules);
      const { server, listening } = await startServerOf(command, context);
      await using _stopped = server;
      const json = wantsJson(command);
      context.stdout.write(json ? `${JSON.stringify(listening)}\n` : listeningText(listening, command));
      const { token } = serverOptions(command, context);
      const args = [...modules, ...runnerArguments(flags), ...(json ? ["--json"] : [])];
      await runWatched(args, { url: listening.url, token, json, context });
    });
}

/** A module that is not there would be waited for in vain: only what was loaded is watched. */
async function checkThere(modules: readonly string[]): Promise<void> {
  for (const path of modules) {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile())
      throw new UsageError(`cannot load "${path}": ${found ? "it is no file" : "there is no such file"}`);
  }
}

interface RunnerFlags {
  queue?: string;
  concurrency?: number;
}

function runnerArguments({ queue, concurrency }: RunnerFlags): string[] {
  return [
    ...(queue === undefined ? [] : [`--queue=${queue}`]),
    ...(concurrency === undefined ? [] : [`--concurrency=${concurrency}`]),
  ];
}

const examples = `
What the modules import is watched, too. A runner that is replaced finishes what it has first. Code that does not load is
told of, and the next change is tried.

Examples:
  spanloom dev tasks.ts
  spanloom dev tasks.ts more-tasks.ts --port 0 --json
  spanloom dev tasks.ts --data-dir /tmp/spanloom --no-console
`;
