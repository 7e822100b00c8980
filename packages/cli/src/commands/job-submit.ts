import type { JobOptions } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { collectTag, instant, wholeNumber } from "../flag-values.ts";
import { followJob } from "../follow-job.ts";
import { namedTask } from "../named-task.ts";
import type { Exit } from "../program.ts";
import { readInput } from "../read-input.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { parseDuration } from "../text/duration-text.ts";

interface SubmitFlags {
  input?: string;
  name?: string;
  tag?: Record<string, string>;
  queue?: string;
  priority?: number;
  taskVersion: string;
  idempotencyKey?: string;
  startAt?: Date;
  deadline?: string;
  maxAttempts?: number;
  timeout?: string;
  wait?: boolean;
  watch?: boolean;
}

/** `spanloom job submit`: submits a job of one task. */
export function jobSubmitCommand(context: CliContext, exit: Exit): Command {
  return new Command("submit")
    .description("submit a job that runs one task")
    .argument("<task>", "name of the task")
    .option("-i, --input <json>", "its input as JSON, @file, or - for the standard input")
    .option("--name <name>", "name of the job (default: the task's)")
    .option("--tag <key=value>", "tag, may be repeated", collectTag)
    .option("--queue <queue>", "queue to wait in")
    .option("--priority <n>", "higher runs first", wholeNumber("--priority", -(2 ** 31), 2 ** 31 - 1))
    .option("--task-version <version>", "major.minor of the task", "1.0")
    .option("--idempotency-key <key>", "the same key and input give the same job")
    .option("--start-at <time>", "not before this time, ISO 8601", instant("--start-at"))
    .option("--deadline <duration>", "fail unless ended within, e.g. 5m")
    .option("--max-attempts <n>", "attempts of the task in all (default: 1)", wholeNumber("--max-attempts", 1, 1000))
    .option("--timeout <duration>", "abort an attempt after, e.g. 30s (default: the definition's)")
    .option("--wait", "wait for the end and print the job with its output")
    .option("--watch", "as --wait, and show progress")
    .addHelpText("after", examples)
    .action(async (name: string, flags: SubmitFlags, command: Command) => {
      const input = await readInput(flags.input, context);
      const json = wantsJson(command);
      await withClient(command, context, async (client) => {
        const timeoutMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout, "--timeout");
        const task = namedTask(name, { version: flags.taskVersion, timeoutMs });
        const job = await client.jobs.submit(task, input, jobOptions(flags));
        if (flags.watch || flags.wait)
          return exit(await followJob(client, job.id, { context, json, quiet: !flags.watch }));
        context.stdout.write(json ? `${JSON.stringify(job.submitted)}\n` : `${job.id}\n`);
        if (!json && context.stdout.isTTY) context.stderr.write(`Follow it with: spanloom job watch ${job.id}\n`);
      });
    });
}

const examples = `
The retry policy of a task's definition is known where the definition is: give --max-attempts here.

Examples:
  spanloom job submit add --input '{"a":1,"b":2}' --wait
  spanloom job submit report --input @input.json --tag team=billing --deadline 10m
  spanloom job submit report --input - --watch < input.json
`;

function jobOptions(flags: SubmitFlags): JobOptions {
  return {
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.tag && { tags: flags.tag }),
    ...(flags.queue !== undefined && { queue: flags.queue }),
    ...(flags.priority !== undefined && { priority: flags.priority }),
    ...(flags.idempotencyKey !== undefined && { idempotencyKey: flags.idempotencyKey }),
    ...(flags.startAt !== undefined && { startAt: flags.startAt }),
    ...(flags.deadline !== undefined && { deadlineMs: parseDuration(flags.deadline, "--deadline") }),
    ...(flags.maxAttempts !== undefined && { retry: { maxAttempts: flags.maxAttempts } }),
  };
}
