import { fileFormats as files, renderSummary, renderTree, renderWaterfall, type SpanColumn } from "@spanloom/query";
import type { Table } from "apache-arrow";
import { Command } from "commander";
import { type CliContext, colorsOf, UsageError } from "../cli-context.ts";
import { type FormatFlags, formatText, type RowFormat, rowFormat } from "../filters/row-format.ts";
import { addSelectionOptions, rowSelection, type SelectionFlags } from "../filters/row-selection.ts";
import { addSpanFilterOptions, type SpanFilterFlags, spanConditions } from "../filters/span-filter.ts";
import { wholeNumber } from "../flag-values.ts";
import { followRows } from "../follow-rows.ts";
import type { Exit } from "../program.ts";
import { queryClient, wantsJson } from "../server-options.ts";
import { endedSpanColumns, endedSpanLines } from "../text/ended-spans-text.ts";
import { rowLines, rowsText } from "../text/rows-text.ts";
import { spanTableText } from "../text/span-table-text.ts";
import { tableWidth } from "../text/text-table.ts";
import { writeRows } from "../write-rows.ts";

const drawn = ["waterfall", "tree", "table", "summary"] as const;

type Drawn = (typeof drawn)[number];

interface SpansFlags extends SpanFilterFlags, SelectionFlags, FormatFlags {
  follow?: boolean;
  maxRows?: number;
  width?: number;
}

/** Rows of a table of all jobs when nobody says how many. */
const TABLE_ROWS = 100;

/** `spanloom spans`: shows or exports spans, of jobs or of all that is stored. */
export function spansCommand(context: CliContext, exit: Exit): Command {
  const command = new Command("spans")
    .description("show or export spans: of jobs, or of everything that is stored")
    .argument("[jobs...]", "ids of jobs; without one, spans of all, the newest first")
    .option(
      "-f, --format <format>",
      `${[...drawn, ...files].join(", ")} (default: waterfall, or by --out); perfetto and otlp are short for .json`,
      formatText([...drawn, ...files]),
    )
    .option("-o, --out <file>", "write to a file; its extension decides the format")
    .option("--follow", "print spans as they end, until the jobs have; with --json each time they change")
    .option("--max-rows <n>", "most lines to draw", wholeNumber("--max-rows", 1))
    .option("--width <n>", "columns to draw in", wholeNumber("--width", 40, 1_000));
  addSelectionOptions(command);
  command.optionsGroup("Conditions, which must all hold:");
  return addSpanFilterOptions(command)
    .addHelpText("after", examples)
    .action(async (jobs: string[], flags: SpansFlags, _command: Command) => {
      const byDefault = jobs.length > 0 && !flags.columns && !flags.order ? "waterfall" : "table";
      const format = rowFormat(flags, { drawn, byDefault, json: wantsJson(command) });
      const asked: Asked = { jobs, format, flags, context, exit };
      const query = queryClient(command, context).spans({
        ...spanConditions(flags, jobs, context.nowMs()),
        ...selectionOf(asked),
      });
      if (flags.follow) return follow(query, asked);
      if (format.file) return writeRows(query, { format: format.file, context, ...(flags.out && { out: flags.out }) });
      const table = await query.toArrow({ signal: context.signal });
      if (table.numRows === 0) return void context.stderr.write(noSpans(jobs));
      context.stdout.write(draw(format.drawn, table, asked));
      if (isCut(asked, table.numRows)) context.stderr.write(`The newest ${TABLE_ROWS}; read more with --limit.\n`);
    });
}

interface Asked {
  jobs: readonly string[];
  format: RowFormat<Drawn>;
  flags: SpansFlags;
  context: CliContext;
  exit: Exit;
}

/** A table of everything that is stored would have no end. */
function selectionOf({ jobs, format, flags }: Asked) {
  const selection = rowSelection<SpanColumn>(flags);
  if (format.drawn && format.drawn !== "table") {
    if (selection.columns)
      throw new UsageError(`cannot use --columns with --format ${format.drawn}: it must be table or a file's`);
    if (selection.orderBy)
      throw new UsageError(`cannot use --order with --format ${format.drawn}: it must be table or a file's`);
    return selection;
  }
  if (jobs.length > 0 || format.file || flags.follow) return selection;
  return { orderBy: [{ column: "start_time", descending: true }], limit: TABLE_ROWS, ...selection };
}

function isCut({ jobs, format, flags }: Asked, rows: number): boolean {
  return jobs.length === 0 && format.drawn === "table" && flags.limit === undefined && rows === TABLE_ROWS;
}

function noSpans(jobs: readonly string[]): string {
  const [job] = jobs;
  if (job === undefined) return "No spans. Loosen the conditions, or see what there is with: spanloom job list\n";
  return `No spans. Does job ${job} exist? See: spanloom job get ${job}\n`;
}

async function follow(query: SpanRows, { jobs, format, flags, context, exit }: Asked) {
  if (flags.format !== undefined && format.file !== "jsonl" && format.drawn !== "table")
    throw new UsageError(`cannot use --format "${flags.format}" with --follow: it must be table or jsonl`);
  const { out, limit, maxRows, width, order } = flags;
  const others = { out, limit, order, "max-rows": maxRows, width };
  const other = Object.entries(others).find(([, value]) => value !== undefined);
  if (other) throw new UsageError(`cannot use --${other[0]} "${other[1]}" with --follow`);
  // Of jobs all that there was is of interest, of everything what comes.
  const tail = { existing: jobs.length > 0 || flags.since !== undefined };
  const rows =
    format.file === "jsonl" || flags.columns
      ? await followRows(query.tail(tail), { context, exit, json: format.file === "jsonl", text: rowLines })
      : await followRows(query.columns(...endedSpanColumns).tail(tail), {
          context,
          exit,
          json: false,
          text: endedSpanLines({ color: colorsOf(context, context.stdout), open: flags.open ?? false }),
        });
  if (rows === 0 && !context.signal.aborted) context.stderr.write(noSpans(jobs));
}

type SpanRows = ReturnType<ReturnType<typeof queryClient>["spans"]>;

const examples = `
Examples:
  spanloom spans 0190... --follow
  spanloom spans 0190... --format waterfall --max-rows 50
  spanloom spans 0190... --type attempt --status ERROR --format table
  spanloom spans --since 1h --status ERROR --name '^load'        # of all jobs
  spanloom spans --since 1d --attr 'http.response.status_code>=500' --columns name,duration_ns,attributes.http.route
  spanloom spans 0190... --order duration_ns:desc --limit 10
  spanloom spans 0190... --out trace.parquet
  spanloom spans 0190... --out trace.perfetto.json               # open it in ui.perfetto.dev
  spanloom spans 0190... --format otlp.json | curl --json @- http://collector:4318/v1/traces
  spanloom spans 0190... --json | jq .name
`;

function draw(format: Drawn, table: Table, { flags, context }: Asked): string {
  const { stdout } = context;
  const limits = { maxRows: flags.maxRows, width: flags.width ?? tableWidth(stdout) };
  if (flags.columns) return rowsText(table, limits);
  if (format === "table") return spanTableText(table, limits);
  const options = {
    width: flags.width ?? Math.max(stdout.columns, 40),
    color: colorsOf(context, stdout),
    ...(flags.maxRows !== undefined && { maxRows: flags.maxRows }),
    ...(isRunning(table) && { now: new Date(context.nowMs()) }),
  };
  const render = { waterfall: renderWaterfall, tree: renderTree, summary: renderSummary };
  return `${render[format](table as Parameters<typeof renderTree>[0], options).trimEnd()}\n`;
}

/** Whether a job is open: what an ended one left open does not last until now. */
function isRunning(table: Table): boolean {
  const [types, ends] = [table.getChild("type"), table.getChild("end_time")];
  for (let row = 0; row < table.numRows; row++) if (types?.get(row) === "job" && ends?.get(row) === null) return true;
  return false;
}
