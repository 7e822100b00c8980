import { fileFormats as files, type LogColumn } from "@spanloom/query";
import { Command } from "commander";
import { type CliContext, colorsOf, UsageError } from "../cli-context.ts";
import { addLogFilterOptions, type LogFilterFlags, logConditions } from "../filters/log-filter.ts";
import { type FormatFlags, formatText, type RowFormat, rowFormat } from "../filters/row-format.ts";
import { addSelectionOptions, rowSelection, type SelectionFlags } from "../filters/row-selection.ts";
import { followRows } from "../follow-rows.ts";
import type { Exit } from "../program.ts";
import { queryClient, wantsJson } from "../server-options.ts";
import { logText } from "../text/log-text.ts";
import { rowLines, rowsText } from "../text/rows-text.ts";
import { tableWidth } from "../text/text-table.ts";
import { writeRows } from "../write-rows.ts";

const logFiles = files.filter((format) => format !== "perfetto.json");

interface LogsFlags extends LogFilterFlags, SelectionFlags, FormatFlags {
  follow?: boolean;
}

/** Records of all jobs that are shown when nobody says how many. */
const NEWEST_RECORDS = 100;

/** `spanloom logs`: prints or exports log records, of jobs or of all that is stored. */
export function logsCommand(context: CliContext, exit: Exit): Command {
  const command = new Command("logs")
    .description("print or export log records: of jobs, or of everything that is stored")
    .argument("[jobs...]", "ids of jobs; without one, the newest records of all")
    .option(
      "-f, --format <format>",
      `lines, ${logFiles.join(", ")} (default: lines, or by --out)`,
      formatText(["lines", ...logFiles]),
    )
    .option("-o, --out <file>", "write to a file; its extension decides the format")
    .option("--follow", "go on with records as they come, until the jobs have ended");
  addSelectionOptions(command);
  command.optionsGroup("Conditions, which must all hold:");
  return addLogFilterOptions(command)
    .addHelpText("after", examples)
    .action(async (jobs: string[], flags: LogsFlags) => {
      const format = rowFormat(flags, { drawn: ["lines"], byDefault: "lines", json: wantsJson(command) });
      const asked: Asked = { jobs, format, flags, context, exit };
      const query = queryClient(command, context).logs({
        ...logConditions(flags, jobs, context.nowMs()),
        ...rowSelection<LogColumn>(flags),
      });
      if (flags.follow) return follow(query, asked);
      if (format.file) return writeRows(query, { format: format.file, context, ...(flags.out && { out: flags.out }) });
      if (jobs.length === 0 && !flags.order && flags.limit === undefined) return showNewest(query, asked);
      if ((await show(query, asked)) === 0) context.stderr.write("No log records.\n");
    });
}

interface Asked {
  jobs: readonly string[];
  format: RowFormat<"lines">;
  flags: LogsFlags;
  context: CliContext;
  exit: Exit;
}

type LogRows = ReturnType<ReturnType<typeof queryClient>["logs"]>;

function textOf({ flags, context }: Asked) {
  const color = colorsOf(context, context.stdout);
  return flags.columns ? rowLines : (batch: Parameters<typeof logText>[0]) => logText(batch, color);
}

async function show(query: LogRows, asked: Asked): Promise<number> {
  const { stdout, signal } = asked.context;
  if (asked.flags.columns) {
    const table = await query.toArrow({ signal });
    if (table.numRows > 0) stdout.write(rowsText(table, { width: tableWidth(stdout) }));
    return table.numRows;
  }
  let rows = 0;
  for await (const batch of query.stream({ signal })) {
    stdout.write(textOf(asked)(batch));
    rows += batch.numRows;
  }
  return rows;
}

/** What is stored of all jobs has no end: its newest records, read backwards and shown in order. */
async function showNewest(query: LogRows, asked: Asked): Promise<void> {
  const { stdout, stderr, signal } = asked.context;
  const newest = query.orderBy({ column: "time", descending: true }).limit(NEWEST_RECORDS);
  if (asked.flags.columns) return void (await show(newest, asked));
  const lines: string[] = [];
  for await (const batch of newest.stream({ signal })) lines.push(...textOf(asked)(batch).trimEnd().split("\n"));
  if (lines.length === 0) return void stderr.write("No log records.\n");
  stdout.write(`${lines.reverse().join("\n")}\n`);
  if (lines.length === NEWEST_RECORDS) stderr.write(`The newest ${NEWEST_RECORDS}; read more with --limit.\n`);
}

async function follow(query: LogRows, asked: Asked): Promise<void> {
  const { jobs, format, flags, context, exit } = asked;
  if (format.file && format.file !== "jsonl")
    throw new UsageError(`cannot use --format "${format.file}" with --follow: it must be lines or jsonl`);
  const { out, limit, order } = flags;
  const other = Object.entries({ out, limit, order }).find(([, value]) => value !== undefined);
  if (other) throw new UsageError(`cannot use --${other[0]} "${other[1]}" with --follow`);
  // Of jobs all that there was is of interest, of everything what comes.
  const tail = query.tail({ existing: jobs.length > 0 || flags.since !== undefined });
  await followRows(tail, { context, exit, json: format.file === "jsonl", text: textOf(asked) });
}

const examples = `
Examples:
  spanloom logs 0190... --follow
  spanloom logs 0190... --min-severity warn
  spanloom logs --since 1h --text '/time(d )?out/'      # of all jobs
  spanloom logs --follow --min-severity error
  spanloom logs 0190... --out logs.parquet
  spanloom logs 0190... --json | jq .body
`;
