import type { Client, ScheduleTimes, ScheduleTimesSnapshot } from "@spanloom/sdk";
import { Command } from "commander";
import { type CliContext, UsageError } from "../cli-context.ts";
import { instant, wholeNumber } from "../flag-values.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { formatDuration } from "../text/duration-text.ts";
import { addTimesOptions, type TimesFlags, timesOf } from "./schedule-times.ts";

interface PreviewFlags extends TimesFlags {
  after?: Date;
  count: number;
}

/** `spanloom schedule preview`: tells when a schedule fires, or would. */
export function schedulePreviewCommand(context: CliContext): Command {
  const command = new Command("preview")
    .description("tell the next times of a schedule, or of one that is not there yet")
    .argument("[name]", "name of the schedule; without one, times as put takes them");
  return addTimesOptions(command)
    .option("--after <time>", "times after this, ISO 8601 (default: now)", instant("--after"))
    .option("--count <n>", "how many", wholeNumber("--count", 1, 1_000), 10)
    .addHelpText("after", examples)
    .action(async (name: string | undefined, flags: PreviewFlags) => {
      const { after, count } = flags;
      const given = [flags.cron, flags.every, flags.at].some((value) => value !== undefined);
      if (name !== undefined && given)
        throw new UsageError(`cannot preview "${name}" at other times: leave out the name, or the times`);
      const options = { count, ...(after && { after }) };
      const times = await withClient(command, context, async (client) => {
        const asked = name === undefined ? timesOf(flags) : await timesOfSchedule(client, name);
        return client.schedules.preview(asked, options);
      });
      const { stdout, nowMs } = context;
      stdout.write(wantsJson(command) ? `${JSON.stringify({ times })}\n` : timesText(times, nowMs()));
    });
}

const examples = `
Times are those of a schedule that is not paused, jitter left aside.

Examples:
  spanloom schedule preview nightly
  spanloom schedule preview --cron '0 3 * * mon-fri' --time-zone Europe/Berlin --count 5
  spanloom schedule preview --every 90m --after 2030-01-01T00:00:00Z --json
`;

async function timesOfSchedule({ schedules }: Client, name: string): Promise<ScheduleTimes> {
  const { times } = await schedules.get(name);
  return asGiven(times, name);
}

function asGiven(times: ScheduleTimesSnapshot, name: string): ScheduleTimes {
  if ("cron" in times) return times;
  if ("everyMs" in times) return { every: times.everyMs, ...(times.anchor && { anchor: times.anchor }) };
  if ("at" in times) return times;
  throw new UsageError(`cannot preview "${name}": the server is newer, and has times of a kind that is not known here`);
}

function timesText(times: readonly Date[], nowMs: number): string {
  if (times.length === 0) return "It does not fire again.\n";
  const awayText = (time: Date) => (time.getTime() < nowMs ? "" : `  in ${formatDuration(time.getTime() - nowMs)}`);
  return times.map((time) => `${time.toISOString()}${awayText(time)}\n`).join("");
}
