import { type SpanTypeName, spanTypes } from "@spanloom/protocol";
import {
  fileFormats as files,
  type QueryClient,
  renderSummary,
  renderTree,
  renderWaterfall,
  type SpanConditions,
  type SpanStatusName,
} from "@spanloom/query";
import { Command } from "commander";
import { type CliContext, colorsOf, UsageError } from "../cli-context.ts";
import { oneOfList, wholeNumber } from "../flag-values.ts";
import { followRows } from "../follow-rows.ts";
import type { Exit } from "../program.ts";
import { queryClient, wantsJson } from "../server-options.ts";
import { endedSpanColumns, endedSpanLines } from "../text/ended-spans-text.ts";
import { spanTableText } from "../text/span-table-text.ts";
import { type FileFormat, writeRows } from "../write-rows.ts";

const drawn = ["waterfall", "tree", "table", "summary"] as const;
const statuses: readonly SpanStatusName[] = ["UNSET", "OK", "ERROR"];

type Drawn = (typeof drawn)[number];

interface SpansFlags {
  format?: string;
  out?: string;
  type?: SpanTypeName[];
  status?: SpanStatusName[];
  name?: string;
  open?: boolean;
  follow?: boolean;
  limit?: number;
  maxRows?: number;
  width?: number;
}

/** `spanloom spans`: shows or exports the spans of a job. */
export function spansCommand(context: CliContext, exit: Exit): Command {
  return new Command("spans")
    .description("show or export the spans of a job")
    .argument("<job>", "id of the job")
    .option("-f, --format <format>", `${[...drawn, ...files].join(", ")} (default: waterfall, or by --out)`)
    .option("-o, --out <file>", "write to a file; its extension decides the format")
    .option("--type <types>", `only these: ${spanTypes.join(", ")}`, oneOfList("--type", spanTypes))
    .option("--status <statuses>", `only these: ${statuses.join(", ")}`, oneOfList("--status", statuses))
    .option("--name <text>", "only spans whose name contains this")
    .option("--open", "only spans that have not ended")
    .option("--follow", "print spans as they end, until the job has; with --json each time they change")
    .option("--limit <n>", "most spans to read", wholeNumber("--limit", 1))
    .option("--max-rows <n>", "most lines to draw", wholeNumber("--max-rows", 1))
    .option("--width <n>", "columns to draw in", wholeNumber("--width", 40, 1_000))
    .addHelpText("after", examples)
    .action(async (jobId: string, flags: SpansFlags, command: Command) => {
      const format = formatOf(flags, wantsJson(command));
      const query = spansOf(queryClient(command, context), jobId, flags);
      if (flags.follow) return follow(query, { jobId, format, flags, context, exit });
      if (isFile(format)) return writeRows(query, { format, context, ...(flags.out && { out: flags.out }) });
      const table = await query.toArrow({ signal: context.signal });
      if (table.numRows === 0) context.stderr.write(noSpans(jobId));
      else context.stdout.write(draw(format, table, flags, context));
    });
}

const noSpans = (jobId: string) => `No spans. Does job ${jobId} exist? See: spanloom job get ${jobId}\n`;

interface Following {
  jobId: string;
  format: Drawn | FileFormat;
  flags: SpansFlags;
  context: CliContext;
  exit: Exit;
}

async function follow(query: ReturnType<typeof spansOf>, { jobId, format, flags, context, exit }: Following) {
  const { format: asked, out, limit, maxRows, width } = flags;
  if (asked !== undefined && format !== "jsonl")
    throw new UsageError(`cannot use --format "${asked}" with --follow: it must be jsonl`);
  const other = Object.entries({ out, limit, "max-rows": maxRows, width }).find(([, value]) => value !== undefined);
  if (other) throw new UsageError(`cannot use --${other[0]} "${other[1]}" with --follow`);
  const rows =
    format === "jsonl"
      ? await followRows(query.tail({ existing: true }), { context, exit, json: true, text: () => "" })
      : await followRows(query.columns(...endedSpanColumns).tail({ existing: true }), {
          context,
          exit,
          json: false,
          text: endedSpanLines({ color: colorsOf(context, context.stdout), open: flags.open ?? false }),
        });
  if (rows === 0 && !context.signal.aborted) context.stderr.write(noSpans(jobId));
}

const examples = `
Examples:
  spanloom spans 0190... --follow
  spanloom spans 0190... --format waterfall --max-rows 50
  spanloom spans 0190... --type attempt --status ERROR --format table
  spanloom spans 0190... --out trace.parquet
  spanloom spans 0190... --out trace.perfetto.json   # open it in ui.perfetto.dev
  spanloom spans 0190... --format otlp.json | curl --json @- http://collector:4318/v1/traces
  spanloom spans 0190... --json | jq .name
`;

function formatOf({ format, out }: SpansFlags, json: boolean): Drawn | FileFormat {
  const byExtension = out && (formatByName(out) ?? out.slice(out.lastIndexOf(".") + 1));
  const wanted = format ?? (json ? "jsonl" : (byExtension ?? "waterfall"));
  const known = [...drawn, ...files].find((name) => name === wanted);
  if (!known)
    throw new UsageError(`cannot use --format "${wanted}": it must be one of ${[...drawn, ...files].join(", ")}`);
  if (out !== undefined && !isFile(known))
    throw new UsageError(`cannot write ${known} with --out: use ${files.join(", ")}`);
  return known;
}

/** The format a path ends in, the longest there is: "x.otlp.jsonl" is no plain JSON Lines. */
function formatByName(path: string): FileFormat | undefined {
  const known = files.filter((format) => path.toLowerCase().endsWith(`.${format}`));
  return known.sort((a, b) => b.length - a.length)[0];
}

function isFile(format: Drawn | FileFormat): format is FileFormat {
  return (files as readonly string[]).includes(format);
}

function spansOf(client: QueryClient, job: string, { type, status, name, open, limit }: SpansFlags) {
  const conditions: SpanConditions = {
    job,
    ...(type && { type }),
    ...(status && { status }),
    ...(name !== undefined && { name: { contains: name } }),
    ...(open && { open }),
  };
  return client.spans({ ...conditions, ...(limit !== undefined && { limit }) });
}

function draw(format: Drawn, table: Parameters<typeof renderTree>[0], flags: SpansFlags, context: CliContext): string {
  const { stdout } = context;
  const options = {
    width: flags.width ?? Math.max(stdout.columns, 40),
    color: colorsOf(context, stdout),
    ...(flags.maxRows !== undefined && { maxRows: flags.maxRows }),
    ...(isRunning(table) && { now: new Date(context.nowMs()) }),
  };
  const render = { waterfall: renderWaterfall, tree: renderTree, summary: renderSummary, table: spanTableText };
  return `${render[format](table, options).trimEnd()}\n`;
}

/** Whether a job is open: what an ended one left open does not last until now. */
function isRunning(table: Parameters<typeof renderTree>[0]): boolean {
  const [types, ends] = [table.getChild("type"), table.getChild("end_time")];
  for (let row = 0; row < table.numRows; row++) if (types?.get(row) === "job" && ends?.get(row) === null) return true;
  return false;
}
