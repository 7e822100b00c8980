import type { ArrowChunk } from "@spanloom/protocol";

/** Formats a query can be written in. */
export type FileFormat = "arrow" | "parquet" | "csv" | "jsonl";

/** How to write a file. */
export interface FileOptions {
  /** Format; default: the extension of the path decides. */
  readonly format?: FileFormat;
}

/** What was written. */
export interface FileResult {
  readonly path: string;
  readonly format: FileFormat;
  readonly rows: number;
  readonly bytes: number;
}

/** Writes an answer to a file. */
export async function writeFile(
  path: string,
  _chunks: AsyncIterable<ArrowChunk>,
  _options: FileOptions,
): Promise<FileResult> {
  throw new Error(`cannot write "${path}": not built yet`);
}
