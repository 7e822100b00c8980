import { renderCriticalPath } from "@spanloom/query";
import { Command } from "commander";
import { type CliContext, colorsOf } from "../cli-context.ts";
import { wholeNumber } from "../flag-values.ts";
import { queryClient, wantsJson } from "../server-options.ts";
import { writeRows } from "../write-rows.ts";

interface PathFlags {
  spans?: boolean;
  maxRows?: number;
  width?: number;
}

/** `spanloom critical-path`: shows what decided how long a job took. */
export function criticalPathCommand(context: CliContext): Command {
  return new Command("critical-path")
    .description("show what decided how long a job took, or has taken so far")
    .argument("<job>", "id of the job")
    .option("--spans", "go on from attempts to the spans that their code made")
    .option("--max-rows <n>", "most segments to draw, the longest", wholeNumber("--max-rows", 1))
    .option("--width <n>", "columns to draw in", wholeNumber("--width", 60, 1_000))
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom critical-path 0190... --spans --max-rows 20\n  spanloom critical-path 0190... --json\n",
    )
    .action(async (jobId: string, { spans, maxRows, width }: PathFlags, command: Command) => {
      const query = queryClient(command, context).criticalPath(jobId, { userSpans: spans ?? false });
      if (wantsJson(command)) return writeRows(query, { format: "jsonl", context });
      const { stdout, signal } = context;
      const text = renderCriticalPath(await query.toArrow({ signal }), {
        width: width ?? Math.max(stdout.columns, 60),
        color: colorsOf(context, stdout),
        ...(maxRows !== undefined && { maxRows }),
      });
      stdout.write(`${text.trimEnd()}\n`);
    });
}
