import type { CloneJobEdits } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { collectTag } from "../flag-values.ts";
import { followJob } from "../follow-job.ts";
import type { Exit } from "../program.ts";
import { wantsJson, withClient } from "../server-options.ts";

interface CloneFlags {
  name?: string;
  tag?: Record<string, string>;
  idempotencyKey?: string;
  wait?: boolean;
  watch?: boolean;
}

/** `spanloom job clone`: submits a new job from another's roots. */
export function jobCloneCommand(context: CliContext, exit: Exit): Command {
  return new Command("clone")
    .description("submit a new job with the tasks, inputs, tags and queue another was submitted with")
    .argument("<job>", "id of the job to clone")
    .option("--name <name>", "name of the new job (default: the other's)")
    .option("--tag <key=value>", "tag to add or replace, may be repeated", collectTag)
    .option("--idempotency-key <key>", "the same key and edits give the same job")
    .option("--wait", "wait for the end and print the job with its output")
    .option("--watch", "as --wait, and show progress")
    .addHelpText("after", "\nExamples:\n  spanloom job clone 0190... --tag try=2 --watch\n")
    .action(async (jobId: string, flags: CloneFlags, command: Command) => {
      const json = wantsJson(command);
      await withClient(command, context, async (client) => {
        const job = await client.jobs.clone(jobId, editsOf(flags));
        if (flags.watch || flags.wait)
          return exit(await followJob(client, job.id, { context, json, quiet: !flags.watch }));
        context.stdout.write(json ? `${JSON.stringify(job.submitted)}\n` : `${job.id}\n`);
      });
    });
}

function editsOf({ name, tag, idempotencyKey }: CloneFlags): CloneJobEdits {
  return {
    ...(name !== undefined && { name }),
    ...(tag && { tags: tag }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
}
