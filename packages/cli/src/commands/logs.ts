import type { Severity } from "@spanloom/query";
import { Command } from "commander";
import { type CliContext, colorsOf, UsageError } from "../cli-context.ts";
import { oneOfList, wholeNumber } from "../flag-values.ts";
import { followRows } from "../follow-rows.ts";
import type { Exit } from "../program.ts";
import { queryClient, wantsJson } from "../server-options.ts";
import { logText } from "../text/log-text.ts";
import { writeRows } from "../write-rows.ts";

const severities = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const satisfies readonly Severity[];

interface LogsFlags {
  minSeverity?: (typeof severities)[number][];
  contains?: string;
  task?: string;
  follow?: boolean;
  limit?: number;
}

/** `spanloom logs`: prints the log records of a job. */
export function logsCommand(context: CliContext, exit: Exit): Command {
  return new Command("logs")
    .description("print the log records of a job, oldest first")
    .argument("<job>", "id of the job")
    .option("--min-severity <name>", `at least ${severities.join(", ")}`, oneOfList("--min-severity", severities))
    .option("--contains <text>", "only records whose text contains this")
    .option("--task <task>", "only those of this task, by id")
    .option("--follow", "go on with records as they come, until the job has ended")
    .option("--limit <n>", "most records", wholeNumber("--limit", 1))
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom logs 0190... --follow\n  spanloom logs 0190... --min-severity warn\n  spanloom logs 0190... --json | jq .body\n",
    )
    .action(async (job: string, flags: LogsFlags, command: Command) => {
      const query = queryClient(command, context).logs({
        job,
        ...(flags.minSeverity?.[0] && { minSeverity: flags.minSeverity[0] }),
        ...(flags.contains !== undefined && { body: { contains: flags.contains } }),
        ...(flags.task !== undefined && { task: flags.task }),
        ...(flags.limit !== undefined && { limit: flags.limit }),
      });
      const json = wantsJson(command);
      const color = colorsOf(context, context.stdout);
      if (flags.follow) {
        if (flags.limit !== undefined) throw new UsageError(`cannot use --limit "${flags.limit}" with --follow`);
        const tail = query.tail({ existing: true });
        await followRows(tail, { context, exit, json, text: (batch) => logText(batch, color) });
        return;
      }
      if (json) return writeRows(query, { format: "jsonl", context });
      let rows = 0;
      for await (const batch of query.stream({ signal: context.signal })) {
        context.stdout.write(logText(batch, color));
        rows += batch.numRows;
      }
      if (rows === 0) context.stderr.write("No log records.\n");
    });
}
