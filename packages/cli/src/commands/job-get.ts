import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { collect } from "../collect.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { jobText } from "../text/job-text.ts";
import { tableStyle, textTable } from "../text/text-table.ts";

/** `spanloom job get`: shows one job, with its tasks when asked. */
export function jobGetCommand(context: CliContext): Command {
  return new Command("get")
    .description("show a job, its output included")
    .argument("<job>", "id of the job")
    .option("--tasks", "list its tasks too")
    .addHelpText("after", "\nExamples:\n  spanloom job get 0190...\n  spanloom job get 0190... --tasks --json\n")
    .action(async (jobId: string, flags: { tasks?: boolean }, command: Command) => {
      await withClient(command, context, async (client) => {
        const job = await client.jobs.get(jobId);
        const tasks = flags.tasks ? await collect(client.jobs.tasks(jobId)) : undefined;
        if (wantsJson(command)) {
          context.stdout.write(`${JSON.stringify({ ...job, ...(tasks && { tasks }) })}\n`);
          return;
        }
        context.stdout.write(jobText(job, context.nowMs()));
        if (!tasks) return;
        const table = textTable(
          tasks,
          [
            { title: "TASK", value: ({ id }) => id },
            { title: "NAME", value: ({ name, depth }) => `${"  ".repeat(Math.min(depth, 20))}${name}`, shrink: true },
            { title: "STATE", value: ({ state }) => state, state: true },
            { title: "ATTEMPTS", value: ({ attempts }) => attempts.length, right: true },
            { title: "DISPLAY", value: ({ display }) => display, shrink: true },
          ],
          tableStyle(context),
        );
        context.stdout.write(`\n${table}`);
      });
    });
}
