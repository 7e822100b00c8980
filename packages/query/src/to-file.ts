import type { ArrowChunk } from "@spanloom/protocol";
import { encodeArrow } from "./file/encode-arrow.ts";
import { encodeOtlp, encodeOtlpLines } from "./file/encode-otlp.ts";
import { encodeParquet } from "./file/encode-parquet.ts";
import { encodePerfetto } from "./file/encode-perfetto.ts";
import { encodeCsv, encodeJsonl } from "./file/encode-text.ts";
import { type OpenScratch, openScratchFile } from "./file/scratch-file.ts";
import { type WrittenFile, writeAtomically } from "./file/write-atomically.ts";
import { invalidField } from "./invalid.ts";
import { type ChunkBatches, readChunk } from "./read-arrow.ts";

/** Turns batches into the bytes or text of a file, piece by piece. */
type Encode = (streams: AsyncIterable<ChunkBatches>, openScratch: OpenScratch) => AsyncIterable<Uint8Array | string>;

const encoders = {
  arrow: encodeArrow,
  parquet: encodeParquet,
  csv: encodeCsv,
  jsonl: encodeJsonl,
  "perfetto.json": encodePerfetto,
  "otlp.json": encodeOtlp,
  "otlp.jsonl": encodeOtlpLines,
} satisfies Record<string, Encode>;

/** Formats a query can be written in. */
export type FileFormat = keyof typeof encoders;

/** Formats that hold traces or log records, not rows as they were asked for. */
export type TraceFormat = Extract<FileFormat, `${string}.${string}`>;

/** Whether a format is one of traces or log records. */
export function isTraceFormat(format: FileFormat): format is TraceFormat {
  return format.includes(".");
}

/** How to write a file. */
export interface FileOptions {
  /** Format; default: the extension of the path decides. */
  readonly format?: FileFormat;
}

/** What was written. */
export interface FileResult extends WrittenFile {
  readonly format: FileFormat;
  readonly rows: number;
}

/**
 * Writes an answer to a file, holding one piece of it in memory at a time.
 *
 * The bytes go to a temporary file beside the target, which replaces the target once they are on disk; on any error the
 * target stays as it was and the temporary file is removed.
 *
 * Errors: INVALID_FIELD for an unknown extension or format; INVALID_STATE when the disk refuses or `parquet-wasm` is not
 * installed; OVERLOADED when the disk is full; what the answer's source throws.
 */
export async function writeFile(
  path: string,
  chunks: AsyncIterable<ArrowChunk>,
  options: FileOptions = {},
): Promise<FileResult> {
  const format = fileFormat(path, options);
  const counter = { rows: 0 };
  const pieces = encoders[format](streamsOf(chunks, counter), () => openScratchFile(path));
  return { ...(await writeAtomically(path, pieces)), format, rows: counter.rows };
}

/** The formats there are, each also the end of a path that means it. */
export const fileFormats = Object.keys(encoders) as readonly FileFormat[];

/**
 * The format of a file: the one given, or the one its path ends in.
 *
 * Errors: INVALID_FIELD.
 */
export function fileFormat(path: string, { format }: FileOptions): FileFormat {
  if (format !== undefined) {
    if (Object.hasOwn(encoders, format)) return format;
    throw invalidField("format", format, `is not one of ${fileFormats.join(", ")}`);
  }
  const name = path.toLowerCase();
  // The longest that fits: "x.otlp.jsonl" is no plain JSON Lines.
  const [known] = fileFormats.filter((each) => name.endsWith(`.${each}`)).sort((a, b) => b.length - a.length);
  if (known !== undefined) return known;
  throw invalidField("file", path, `has none of the extensions ${fileFormats.map((each) => `.${each}`).join(", ")}`);
}

async function* streamsOf(
  chunks: AsyncIterable<ArrowChunk>,
  counter: { rows: number },
): AsyncGenerator<ChunkBatches, void, undefined> {
  for await (const chunk of chunks) {
    for (const stream of readChunk(chunk)) {
      for (const batch of stream.batches) counter.rows += batch.numRows;
      yield stream;
    }
  }
}
