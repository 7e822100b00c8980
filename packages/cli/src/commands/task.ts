import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import type { Exit } from "../program.ts";
import { taskGetCommand } from "./task-get.ts";
import { taskReplayCommand } from "./task-replay.ts";

/** `spanloom task`: shows one task, and runs one again here. */
export function taskCommand(context: CliContext, exit: Exit): Command {
  return new Command("task")
    .description("show a task, or run it again here")
    .addCommand(taskGetCommand(context))
    .addCommand(taskReplayCommand(context, exit));
}
