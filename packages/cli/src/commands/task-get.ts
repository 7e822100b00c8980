import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { taskText } from "../text/task-text.ts";
import { tableStyle } from "../text/text-table.ts";

/** `spanloom task get`: shows a task, its attempts, input and output included. */
export function taskGetCommand(context: CliContext): Command {
  return new Command("get")
    .description("show a task with its attempts, input and output")
    .argument("<task>", "id of the task")
    .addHelpText("after", "\nExamples:\n  spanloom task get 0190...\n  spanloom task get 0190... --json | jq .input\n")
    .action(async (taskId: string, _flags: object, command: Command) => {
      const task = await withClient(command, context, ({ jobs }) => jobs.task(taskId));
      context.stdout.write(
        wantsJson(command) ? `${JSON.stringify(task)}\n` : taskText(task, context.nowMs(), tableStyle(context)),
      );
    });
}
