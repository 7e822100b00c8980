import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { followJob } from "../follow-job.ts";
import type { Exit } from "../program.ts";
import { wantsJson, withClient } from "../server-options.ts";

/** `spanloom job watch`: shows a job's progress until it ends. */
export function jobWatchCommand(context: CliContext, exit: Exit): Command {
  return new Command("watch")
    .description("show a job's progress until it ends; exit code 1 unless it succeeds")
    .argument("<job>", "id of the job")
    .addHelpText("after", "\nExamples:\n  spanloom job watch 0190...\n  spanloom job watch 0190... --json\n")
    .action(async (jobId: string, _flags: object, command: Command) => {
      await withClient(command, context, async (client) =>
        exit(await followJob(client, jobId, { context, json: wantsJson(command) })),
      );
    });
}
