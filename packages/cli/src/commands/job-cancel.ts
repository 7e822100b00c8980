import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { wantsJson, withClient } from "../server-options.ts";

/** `spanloom job cancel`: cancels a job. */
export function jobCancelCommand(context: CliContext): Command {
  return new Command("cancel")
    .description("cancel a job; one that has ended is left as it is")
    .argument("<job>", "id of the job")
    .option("--reason <text>", "why, kept on the job's span")
    .addHelpText("after", "\nExamples:\n  spanloom job cancel 0190... --reason 'wrong input'\n")
    .action(async (jobId: string, flags: { reason?: string }, command: Command) => {
      const job = await withClient(command, context, (client) => client.jobs.cancel(jobId, flags.reason));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(job)}\n` : `${job.id}  ${job.state}\n`);
    });
}
