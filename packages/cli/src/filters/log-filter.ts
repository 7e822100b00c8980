import { type LogConditions, type Severity, type TextCondition, textCondition } from "@spanloom/query";
import type { Command } from "commander";
import { oneOf } from "../flag-values.ts";
import { textForms } from "./filter-values.ts";
import { addSharedFilterOptions, type SharedFilterFlags, sharedConditions } from "./shared-filter.ts";

const severities = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const satisfies readonly Severity[];

/** Flags of conditions on log records. */
export interface LogFilterFlags extends SharedFilterFlags {
  minSeverity?: (typeof severities)[number];
  text?: TextCondition;
}

/** Adds the options that {@link logConditions} reads. */
export function addLogFilterOptions(command: Command): Command {
  command
    .option(
      "--min-severity <name>",
      `only records at least as severe: ${severities.join(", ")}`,
      oneOf("--min-severity", severities),
    )
    .option("--text <text>", `its text: ${textForms}`, textCondition);
  return addSharedFilterOptions(command, "records");
}

/** Conditions on log records, of jobs if any are named. Errors: UsageError. */
export function logConditions(flags: LogFilterFlags, jobs: readonly string[], nowMs: number): LogConditions {
  const { minSeverity, text } = flags;
  return {
    ...sharedConditions(flags, jobs, nowMs),
    ...(minSeverity && { minSeverity }),
    ...(text !== undefined && { body: text }),
  };
}
