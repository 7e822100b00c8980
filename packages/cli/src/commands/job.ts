import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import type { Exit } from "../program.ts";
import { jobCancelCommand } from "./job-cancel.ts";
import { jobCloneCommand } from "./job-clone.ts";
import { jobGetCommand } from "./job-get.ts";
import { jobListCommand } from "./job-list.ts";
import { jobRetryCommand } from "./job-retry.ts";
import { jobSubmitCommand } from "./job-submit.ts";
import { jobWaitCommand } from "./job-wait.ts";
import { jobWatchCommand } from "./job-watch.ts";

/** `spanloom job`: submits, shows and steers jobs. */
export function jobCommand(context: CliContext, exit: Exit): Command {
  const command = new Command("job").description("submit, show and steer jobs");
  for (const make of [
    jobSubmitCommand,
    jobListCommand,
    jobGetCommand,
    jobWatchCommand,
    jobWaitCommand,
    jobCancelCommand,
    jobRetryCommand,
    jobCloneCommand,
  ]) {
    command.addCommand(make(context, exit));
  }
  return command;
}
