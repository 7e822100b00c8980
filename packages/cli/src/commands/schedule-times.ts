import type { ScheduleTimes } from "@spanloom/sdk";
import type { Command } from "commander";
import { instant } from "../flag-values.ts";
import { parseDuration } from "../text/duration-text.ts";
import { oneFlag } from "./definition-commands.ts";

/** Flags that say when a schedule fires. */
export interface TimesFlags {
  cron?: string;
  every?: string;
  at?: Date;
  timeZone?: string;
  jitter?: string;
}

/** Adds the options that {@link timesOf} reads, but for jitter. */
export function addTimesOptions(command: Command): Command {
  return command
    .option("--cron <expression>", "by the calendar, five or six fields")
    .option("--time-zone <zone>", "whose calendar, IANA name (default: UTC)")
    .option("--every <duration>", "every so often, e.g. 5m")
    .option("--at <time>", "once, ISO 8601", instant("--at"));
}

/** When a schedule fires, from flags. Errors: UsageError unless one kind of time is given. */
export function timesOf(flags: TimesFlags): ScheduleTimes {
  const jitter = flags.jitter === undefined ? {} : { jitter: parseDuration(flags.jitter, "--jitter") };
  const kind = oneFlag({ ...flags }, ["cron", "every", "at"]);
  if (kind === "every") return { every: parseDuration(flags.every!, "--every"), ...jitter };
  if (kind === "at") return { at: flags.at!, ...jitter };
  return { cron: flags.cron!, ...(flags.timeZone !== undefined && { timeZone: flags.timeZone }), ...jitter };
}
