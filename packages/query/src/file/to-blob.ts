import type { ArrowChunk } from "@spanloom/protocol";
import { type Encode, streamsOf } from "./encoders.ts";
import type { FileFormat } from "./file-format.ts";
import { openScratchBlob } from "./scratch.ts";

const mediaTypes: Readonly<Record<FileFormat, string>> = {
  arrow: "application/vnd.apache.arrow.file",
  parquet: "application/vnd.apache.parquet",
  csv: "text/csv",
  json: "application/json",
  jsonl: "application/jsonl",
  "perfetto.json": "application/json",
  "otlp.json": "application/json",
  "otlp.jsonl": "application/jsonl",
};

/** Pieces are gathered up to this size: a blob for each of some hundred bytes costs more than its bytes. */
const PART_BYTES = 1024 * 1024;

/** An answer as the bytes of a file, in parts that are handed over as they fill, so that the heap holds one at a time. */
export async function toBlob(format: FileFormat, encode: Encode, chunks: AsyncIterable<ArrowChunk>): Promise<Blob> {
  const parts: Blob[] = [];
  let waiting: (Uint8Array<ArrayBuffer> | string)[] = [];
  let waitingBytes = 0;
  const flush = (): void => {
    parts.push(new Blob(waiting));
    waiting = [];
    waitingBytes = 0;
  };
  for await (const piece of encode(streamsOf(chunks, { rows: 0 }), openScratchBlob)) {
    waiting.push(piece as Uint8Array<ArrayBuffer> | string);
    waitingBytes += piece.length;
    if (waitingBytes >= PART_BYTES) flush();
  }
  flush();
  return new Blob(parts, { type: mediaTypes[format] });
}
