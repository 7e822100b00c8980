import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { appendText } from "../flag-values.ts";
import { followJob } from "../follow-job.ts";
import type { Exit } from "../program.ts";
import { wantsJson, withClient } from "../server-options.ts";

interface RetryFlags {
  task?: string[];
  wait?: boolean;
  watch?: boolean;
}

/** `spanloom job retry`: runs failed, cancelled and skipped tasks of an ended job again. */
export function jobRetryCommand(context: CliContext, exit: Exit): Command {
  return new Command("retry")
    .description("run failed, cancelled and skipped tasks of an ended job again; finished work is kept")
    .argument("<job>", "id of the job")
    .option("--task <id>", "only this task and what never ran for want of it, may be repeated", appendText)
    .option("--wait", "wait for the end and print the job with its output")
    .option("--watch", "as --wait, and show progress")
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom job retry 0190...\n  spanloom job retry 0190... --task 0191... --watch\n",
    )
    .action(async (jobId: string, flags: RetryFlags, command: Command) => {
      const json = wantsJson(command);
      await withClient(command, context, async (client) => {
        const { job, retried } = await client.jobs.retry(jobId, { ...(flags.task && { tasks: flags.task }) });
        if (flags.watch || flags.wait)
          return exit(await followJob(client, job.id, { context, json, quiet: !flags.watch }));
        const text = `${job.id}  ${job.state}  ${retried} ${retried === 1 ? "task runs" : "tasks run"} again\n`;
        context.stdout.write(json ? `${JSON.stringify({ ...job, retried })}\n` : text);
      });
    });
}
