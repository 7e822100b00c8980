import type { OverlapPolicyName, ScheduleSnapshot } from "@spanloom/sdk";
import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { collectTag, instant, oneOfList, wholeNumber } from "../flag-values.ts";
import { namedTask } from "../named-task.ts";
import { readInput } from "../read-input.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { formatDuration, parseDuration } from "../text/duration-text.ts";
import { factsText } from "../text/facts-text.ts";
import { firingsText, lastText } from "../text/firing-text.ts";
import { type TableStyle, tableStyle, textTable } from "../text/text-table.ts";
import { type Definitions, definitionCommands } from "./definition-commands.ts";
import { schedulePreviewCommand } from "./schedule-preview.ts";
import { addTimesOptions, type TimesFlags, timesOf } from "./schedule-times.ts";

const schedules: Definitions<ScheduleSnapshot> = {
  kind: "schedule",
  of: (client) => client.schedules,
  text: scheduleText,
  listText,
};

/** `spanloom schedule`: makes, shows and steers schedules. */
export function scheduleCommand(context: CliContext): Command {
  const command = new Command("schedule").description("submit jobs at times: make, show and steer schedules");
  for (const one of [putCommand(context), ...definitionCommands(schedules, context)]) command.addCommand(one);
  return command
    .addCommand(schedulePreviewCommand(context))
    .addCommand(fireCommand(context))
    .addCommand(backfillCommand(context));
}

interface PutFlags extends TimesFlags {
  input?: string;
  tag?: Record<string, string>;
  queue?: string;
  maxAttempts?: number;
  taskVersion: string;
  overlap?: OverlapPolicyName[];
  catchUp?: string;
  paused?: boolean;
}

const overlaps: readonly OverlapPolicyName[] = ["skip", "queueOne", "allow", "cancelRunning"];

function putCommand(context: CliContext): Command {
  const command = new Command("put")
    .description("make a schedule that submits one task, or change the one of that name")
    .argument("<name>", "name of the schedule")
    .argument("<task>", "name of the task");
  return addTimesOptions(command)
    .option("-i, --input <json>", "the task's input as JSON, @file, or - for the standard input")
    .option("--tag <key=value>", "tag of its jobs, may be repeated", collectTag)
    .option("--queue <queue>", "queue of its jobs")
    .option("--max-attempts <n>", "attempts of the task in all (default: 1)", wholeNumber("--max-attempts", 1, 1000))
    .option("--task-version <version>", "major.minor of the task", "1.0")
    .option(
      "--overlap <policy>",
      `while an earlier job runs: ${overlaps.join(", ")} (default: skip)`,
      oneOfList("--overlap", overlaps),
    )
    .option("--catch-up <duration>", "fire times late that lie back no further")
    .option("--jitter <duration>", "put each time off by up to")
    .option("--paused", "make it so that it does not fire")
    .addHelpText("after", putExamples)
    .action(async (name: string, taskName: string, flags: PutFlags) => {
      const times = timesOf(flags);
      const input = await readInput(flags.input, context);
      const { tag, queue, maxAttempts, taskVersion, overlap, catchUp, paused } = flags;
      const put = await withClient(command, context, (client) =>
        client.schedules.put({
          ...times,
          name,
          task: namedTask(taskName, { version: taskVersion }),
          input,
          ...(tag && { tags: tag }),
          ...(queue !== undefined && { queue }),
          ...(maxAttempts !== undefined && { retry: { maxAttempts } }),
          ...(overlap && { overlap: overlap[0]! }),
          ...(catchUp !== undefined && { catchUp: parseDuration(catchUp, "--catch-up") }),
          ...(paused && { paused }),
        }),
      );
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(put)}\n` : scheduleText(put.schedule));
    });
}

const putExamples = `
Examples:
  spanloom schedule put nightly report --cron '0 3 * * *' --time-zone Europe/Berlin --input '{"region":"eu"}'
  spanloom schedule put ping check --every 30s --overlap queueOne
`;

function fireCommand(context: CliContext): Command {
  return new Command("fire")
    .description("fire a schedule now, beside its times")
    .argument("<name>", "name of the schedule")
    .option("--idempotency-key <key>", "the same key fires once")
    .addHelpText("after", "\nExamples:\n  spanloom schedule fire nightly\n")
    .action(async (name: string, { idempotencyKey }: { idempotencyKey?: string }, command: Command) => {
      const options = idempotencyKey === undefined ? {} : { idempotencyKey };
      const firing = await withClient(command, context, (client) => client.schedules.fire(name, options));
      context.stdout.write(
        wantsJson(command) ? `${JSON.stringify(firing)}\n` : firingsText([firing], tableStyle(context)),
      );
    });
}

function backfillCommand(context: CliContext): Command {
  return new Command("backfill")
    .description("fire the times of a range that a schedule has not fired")
    .argument("<name>", "name of the schedule")
    .requiredOption("--from <time>", "from this time on, ISO 8601", instant("--from"))
    .requiredOption("--until <time>", "before this time, ISO 8601", instant("--until"))
    .option("--max <n>", "refuse when there are more (default: 1000)", wholeNumber("--max", 1, 10_000))
    .addHelpText("after", "\nExamples:\n  spanloom schedule backfill nightly --from 2026-11-01 --until 2026-11-08\n")
    .action(async (name: string, flags: { from: Date; until: Date; max?: number }, command: Command) => {
      const { from, until, max } = flags;
      const range = { from, until, ...(max !== undefined && { maxFirings: max }) };
      const backfill = await withClient(command, context, (client) => client.schedules.backfill(name, range));
      const { fired, firings } = backfill;
      const text = `${firingsText(firings, tableStyle(context))}${fired} fired now.\n`;
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(backfill)}\n` : text);
    });
}

function timesText({ times }: ScheduleSnapshot): string {
  if ("cron" in times) return `${times.cron} ${times.timeZone}`;
  if ("everyMs" in times) return `every ${formatDuration(times.everyMs)}`;
  return "at" in times ? `at ${times.at.toISOString()}` : "";
}

function scheduleText(schedule: ScheduleSnapshot): string {
  const { lastFiring, lastError, nextTimes } = schedule;
  return factsText([
    ["schedule", schedule.name],
    ["times", timesText(schedule)],
    ["submits", schedule.job.tasks.map(({ name }) => name).join(", ")],
    ["overlap", schedule.overlap],
    ["paused", schedule.paused ? `yes ${schedule.pauseReason ?? ""}` : ""],
    ["next", nextTimes.map((time) => time.toISOString()).join(" ")],
    [
      "last",
      lastFiring
        ? `${lastFiring.outcome} ${lastFiring.scheduledAt.toISOString()} ${lastFiring.jobId ?? ""} ${lastFiring.jobState ?? ""}`
        : "",
    ],
    ["error", lastError?.message ?? ""],
  ]);
}

function listText(found: readonly ScheduleSnapshot[], style: TableStyle): string {
  if (found.length === 0) return "No schedules.\n";
  return textTable(
    found,
    [
      { title: "SCHEDULE", value: ({ name }) => name },
      { title: "TIMES", value: timesText, shrink: true },
      { title: "SUBMITS", value: ({ job }) => job.name, shrink: true, spare: true },
      {
        title: "NEXT",
        value: ({ paused, nextTimes }) => (paused ? "paused" : (nextTimes[0]?.toISOString() ?? "never")),
      },
      { title: "LAST", value: ({ lastFiring }) => lastText(lastFiring), state: true },
      { title: "ERROR", value: ({ lastError }) => lastError?.message ?? "", shrink: true },
    ],
    style,
  );
}
