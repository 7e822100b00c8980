import type { ArrowChunk } from "@spanloom/protocol";
import { type ParquetWasm, parquetEncoder } from "./file/encode-parquet.ts";
import { type Encode, encoders, streamsOf } from "./file/encoders.ts";
import { type FileFormat, type FileOptions, type FileResult, fileFormat } from "./file/file-format.ts";
import { loadParquet } from "./file/load-parquet.ts";
import { openScratchFile } from "./file/scratch-file.ts";
import { writeAtomically } from "./file/write-atomically.ts";

/** The encoder of a format; for Parquet by the module given, or the package that is installed. */
export async function encoderOf(format: FileFormat, parquet?: object): Promise<Encode> {
  if (format !== "parquet") return encoders[format];
  return parquetEncoder(parquet ? async () => parquet as ParquetWasm : loadParquet);
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
  const encode = await encoderOf(format);
  const pieces = encode(streamsOf(chunks, counter, options.onRows), () => openScratchFile(path));
  return { ...(await writeAtomically(path, pieces)), format, rows: counter.rows };
}
