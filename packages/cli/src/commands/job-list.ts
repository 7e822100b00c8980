import type { JobSnapshot, JobStateName, ListJobsOptions } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { collect } from "../collect.ts";
import { collectTag, instant, oneOfList, wholeNumber } from "../flag-values.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { endedText, jobDuration } from "../text/job-text.ts";
import { tableStyle, textTable } from "../text/text-table.ts";

const states: readonly JobStateName[] = ["QUEUED", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED"];

type TriggerType = NonNullable<ListJobsOptions["triggerTypes"]>[number];

const triggerTypes: readonly TriggerType[] = ["MANUAL", "SCHEDULE", "EVENT", "WEBHOOK", "CLONE"];

interface ListFlags {
  state?: JobStateName[];
  triggeredBy?: TriggerType[];
  schedule?: string;
  trigger?: string;
  name?: string;
  tag?: Record<string, string>;
  queue?: string;
  runner?: string;
  createdAfter?: Date;
  createdBefore?: Date;
  limit: number;
}

/** `spanloom job list`: lists jobs, newest first. */
export function jobListCommand(context: CliContext): Command {
  return new Command("list")
    .description("list jobs, newest first")
    .option("--state <states>", `any of these, separated by commas: ${states.join(", ")}`, oneOfList("--state", states))
    .option("--name <name>", "jobs of this name")
    .option("--tag <key=value>", "jobs with this tag, may be repeated", collectTag)
    .option("--queue <queue>", "jobs of this queue")
    .option("--runner <id>", "jobs this runner had an attempt of")
    .option(
      "--triggered-by <types>",
      `set going by any of these, separated by commas: ${triggerTypes.join(", ")}`,
      oneOfList("--triggered-by", triggerTypes),
    )
    .option("--schedule <name>", "jobs of this schedule")
    .option("--trigger <name>", "jobs of this trigger")
    .option("--created-after <time>", "jobs submitted at or after, ISO 8601", instant("--created-after"))
    .option("--created-before <time>", "jobs submitted before, ISO 8601", instant("--created-before"))
    .option("--limit <n>", "most jobs to list", wholeNumber("--limit", 1), 20)
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom job list --state running,failed\n  spanloom job list --tag team=billing --json\n  spanloom job list --schedule nightly\n",
    )
    .action(async (flags: ListFlags, command: Command) => {
      const { state, triggeredBy, ...rest } = flags;
      const any = { ...(state && { states: state }), ...(triggeredBy && { triggerTypes: triggeredBy }) };
      const jobs = await withClient(command, context, (client) => collect(client.jobs.list({ ...pick(rest), ...any })));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(jobs)}\n` : listText(jobs, context));
    });
}

function pick(flags: Omit<ListFlags, "state" | "triggeredBy">) {
  const { name, tag, queue, runner, schedule, trigger, createdAfter, createdBefore, limit } = flags;
  return {
    limit,
    ...(schedule !== undefined && { schedule }),
    ...(trigger !== undefined && { trigger }),
    ...(createdAfter && { createdAfter }),
    ...(createdBefore && { createdBefore }),
    ...(name !== undefined && { name }),
    ...(tag && { tags: tag }),
    ...(queue !== undefined && { queue }),
    ...(runner !== undefined && { runnerId: runner }),
  };
}

function listText(jobs: readonly JobSnapshot[], context: CliContext): string {
  if (jobs.length === 0) return "No jobs.\n";
  return textTable(
    jobs,
    [
      { title: "JOB", value: ({ id }) => id },
      { title: "NAME", value: ({ name }) => name, shrink: true },
      { title: "STATE", value: ({ state }) => state, state: true },
      { title: "TASKS", value: endedText, right: true },
      { title: "FAILED", value: ({ counts }) => counts.failed || "", right: true },
      { title: "CREATED", value: ({ createdAt }) => createdAt.toISOString(), spare: true },
      { title: "TOOK", value: (job) => jobDuration(job, context.nowMs()), right: true },
    ],
    tableStyle(context),
  );
}
