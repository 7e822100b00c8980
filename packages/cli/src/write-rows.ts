import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileFormat, FileOptions, FileResult, RunOptions } from "@spanloom/query";
import { type CliContext, UsageError } from "./cli-context.ts";

export type { FileFormat };

/** A query that can be written to a file. */
export interface WritableQuery {
  toFile: (path: string, options?: RunOptions & FileOptions) => Promise<FileResult>;
}

/** Where to and how. */
export interface WriteRowsOptions {
  format: FileFormat;
  /** Absent means the standard output. */
  out?: string;
  context: CliContext;
}

/**
 * Writes the rows of a query to a file, or to the standard output by way of one, so that it too gets all or nothing.
 *
 * Errors: UsageError for bytes on a terminal.
 */
export async function writeRows(query: WritableQuery, { format, out, context }: WriteRowsOptions): Promise<void> {
  const { stdout, stderr, signal } = context;
  if (out !== undefined) {
    const { rows, bytes } = await query.toFile(out, { format, signal });
    stderr.write(`Wrote ${rows} rows, ${bytes} bytes to ${out}\n`);
    return;
  }
  if (stdout.isTTY && (format === "arrow" || format === "parquet"))
    throw new UsageError(`cannot print ${format} on a terminal: add --out file.${format}`);
  const folder = await mkdtemp(join(tmpdir(), "spanloom-"));
  try {
    const path = join(folder, `rows.${format}`);
    await query.toFile(path, { format, signal });
    for await (const chunk of createReadStream(path)) stdout.write(chunk as Uint8Array);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
