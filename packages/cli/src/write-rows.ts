import type { FileFormat, FileOptions, FileResult, RunOptions } from "@spanloom/query";
import { type CliContext, UsageError } from "./cli-context.ts";
import { ProgressLine } from "./progress-line.ts";
import { manyLines } from "./text/text-table.ts";

export type { FileFormat };

/** A query that can be written to a file, or to a pipe. */
export interface WritableQuery {
  toFile: (path: string, options?: RunOptions & FileOptions) => Promise<FileResult>;
  encode: (
    format: FileFormat,
    options?: RunOptions & Pick<FileOptions, "onRows">,
  ) => AsyncIterable<Uint8Array | string>;
}

/** Where to and how. */
export interface WriteRowsOptions {
  format: FileFormat;
  /** Absent means the standard output. */
  out?: string;
  context: CliContext;
}

/**
 * Writes the rows of a query to a file, which appears whole or not at all, or to the standard output as they come.
 *
 * On a terminal the standard error tells how many are in the file so far. Of a pipe it does not: whoever reads it may be
 * writing to the same terminal.
 *
 * Errors: UsageError for bytes on a terminal.
 */
export async function writeRows(query: WritableQuery, { format, out, context }: WriteRowsOptions): Promise<void> {
  const { stdout, stderr, signal } = context;
  if (out === undefined && stdout.isTTY && isBinary(format))
    throw new UsageError(`cannot print ${format} on a terminal: add --out file.${format}`);
  if (out === undefined) return print(query.encode(format, { signal }), context);
  const line = new ProgressLine(context, { transient: true });
  const onRows = rowProgress(line, context);
  try {
    const { rows, bytes } = await query.toFile(out, { format, signal, onRows });
    line.end();
    stderr.write(`Wrote ${rows} rows, ${bytes} bytes to ${out}\n`);
  } finally {
    line.end();
  }
}

function isBinary(format: FileFormat): boolean {
  return format === "arrow" || format === "parquet";
}

/** Prints pieces no faster than they are read. */
async function print(pieces: AsyncIterable<Uint8Array | string>, { stdout }: CliContext): Promise<void> {
  for await (const piece of pieces) {
    // Names and attributes come from anywhere, and a terminal obeys what is in them.
    stdout.write(stdout.isTTY && typeof piece === "string" ? manyLines(piece) : piece);
    await stdout.drained();
  }
}

/** How often a line of progress changes. */
const EVERY_MS = 100;

/** Shows how many rows have come and how many a second, not more often than eyes can follow. */
function rowProgress(line: ProgressLine, { nowMs }: CliContext): (rows: number) => void {
  const startMs = nowMs();
  let shownMs = startMs;
  return (rows) => {
    const ms = nowMs();
    if (ms - shownMs < EVERY_MS) return;
    shownMs = ms;
    const perSecond = Math.round((rows * 1_000) / (ms - startMs));
    line.show(`${rows.toLocaleString("en")} rows, ${perSecond.toLocaleString("en")} a second`);
  };
}
