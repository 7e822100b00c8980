import type { CloneJobEdits } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { collectTag } from "../flag-values.ts";
import { followJob } from "../follow-job.ts";
import type { Exit } from "../program.ts";
import { readInput } from "../read-input.ts";
import { wantsJson, withClient } from "../server-options.ts";

interface CloneFlags {
  name?: string;
  tag?: Record<string, string>;
  input?: string;
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
    .option("-i, --input <json>", "other input of its first task, as JSON, @file, or - for the standard input")
    .option("--idempotency-key <key>", "the same key and edits give the same job")
    .option("--wait", "wait for the end and print the job with its output")
    .option("--watch", "as --wait, and show progress")
    .addHelpText(
      "after",
      '\nExamples:\n  spanloom job clone 0190... --tag try=2 --watch\n  spanloom job clone 0190... --input \'{"region": "us"}\'\n',
    )
    .action(async (jobId: string, flags: CloneFlags, command: Command) => {
      const json = wantsJson(command);
      await withClient(command, context, async (client) => {
        const job = await client.jobs.clone(jobId, await editsOf(flags, context));
        if (flags.watch || flags.wait)
          return exit(await followJob(client, job.id, { context, json, quiet: !flags.watch }));
        context.stdout.write(json ? `${JSON.stringify(job.submitted)}\n` : `${job.id}\n`);
      });
    });
}

async function editsOf(flags: CloneFlags, context: CliContext): Promise<CloneJobEdits> {
  const { name, tag, input, idempotencyKey } = flags;
  return {
    ...(input !== undefined && { inputs: { 0: await readInput(input, context) } }),
    ...(name !== undefined && { name }),
    ...(tag && { tags: tag }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
}
