import type { ArrowChunk } from "@spanloom/protocol";
import { encodeArrow } from "./file/encode-arrow.ts";
import { encodeOtlp, encodeOtlpLines } from "./file/encode-otlp.ts";
import { encodeParquet } from "./file/encode-parquet.ts";
import { encodePerfetto } from "./file/encode-perfetto.ts";
import { encodeCsv, encodeJsonl } from "./file/encode-text.ts";
import { type FileFormat, type FileOptions, type FileResult, fileFormat } from "./file/file-format.ts";
import { type OpenScratch, openScratchFile } from "./file/scratch-file.ts";
import { writeAtomically } from "./file/write-atomically.ts";
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
} satisfies Record<FileFormat, Encode>;

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
