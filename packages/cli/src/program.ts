import { Command } from "commander";
import type { CliContext } from "./cli-context.ts";
import { compareCommand } from "./commands/compare.ts";
import { completionCommand } from "./commands/completion.ts";
import { criticalPathCommand } from "./commands/critical-path.ts";
import { devCommand } from "./commands/dev.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { eventCommand } from "./commands/event.ts";
import { exportCommand } from "./commands/export.ts";
import { jobCommand } from "./commands/job.ts";
import { logsCommand } from "./commands/logs.ts";
import { queueCommand } from "./commands/queue.ts";
import { runnerCommand } from "./commands/runner.ts";
import { scheduleCommand } from "./commands/schedule.ts";
import { serverCommand } from "./commands/server.ts";
import { spansCommand } from "./commands/spans.ts";
import { taskCommand } from "./commands/task.ts";
import { topCommand } from "./commands/top.ts";
import { triggerCommand } from "./commands/trigger.ts";
import { webhookCommand } from "./commands/webhook.ts";
import { wantsJson } from "./server-options.ts";
import { cliVersion } from "./version.ts";

/** Runs a command and tells its exit code. */
export type Exit = (code: number) => void;

/** The whole command line: every command is a file in commands/. */
export function buildProgram(context: CliContext, exit: Exit): Command {
  const program = new Command("spanloom")
    .description("Runs workflows whose every job is a trace, and reads traces as tables.")
    .version(cliVersion())
    .option("--url <url>", "server, default SPANLOOM_URL or http://127.0.0.1:7171")
    .option("--token <token>", "bearer token, default SPANLOOM_TOKEN")
    .option("--json", "print JSON for programs; its shapes are in docs/cli.md")
    .option("--no-color", "no colours, as with NO_COLOR")
    .option("--request-timeout <duration>", "give up on a server that has not begun to answer after (default: 30s)")
    .showSuggestionAfterError()
    .addHelpText("after", examples);
  for (const make of [
    devCommand,
    serverCommand,
    runnerCommand,
    jobCommand,
    taskCommand,
    scheduleCommand,
    triggerCommand,
    eventCommand,
    webhookCommand,
    spansCommand,
    logsCommand,
    exportCommand,
    criticalPathCommand,
    compareCommand,
    queueCommand,
    topCommand,
    doctorCommand,
    completionCommand,
  ]) {
    program.addCommand(make(context, exit));
  }
  prepare(program, context);
  return program;
}

const examples = `
Examples:
  spanloom dev tasks.ts                             # run a server and tasks, anew on change
  spanloom server                                   # start a server
  spanloom runner tasks.ts                          # run the tasks of a module
  spanloom job submit add --input '{"a":1}' --wait  # submit a job and wait for it
  spanloom spans 0190... --format waterfall         # see where its time went

Exit codes: 0 done, 1 the job or the operation failed, 2 the command line was not understood, 3 no server answered,
4 the token was refused, 5 not within the time given, 130 interrupted. They are in docs/cli.md, with the shapes of JSON.
`;

/** Makes a command and all below it throw instead of exiting, and write where the context says. */
function prepare(command: Command, context: CliContext): void {
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      // Programs read one JSON object there; errors are shown in one place.
      writeErr: (text) => {
        if (!wantsJson(command)) context.stderr.write(text);
      },
      outputError: () => undefined,
      getOutHelpWidth: () => context.stdout.columns,
      getErrHelpWidth: () => context.stderr.columns,
    });
  for (const child of command.commands) prepare(child, context);
}
