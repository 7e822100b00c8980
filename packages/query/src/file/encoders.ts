import type { ArrowChunk } from "@spanloom/protocol";
import { type ChunkBatches, readChunk } from "../read-arrow.ts";
import { encodeArrow } from "./encode-arrow.ts";
import { encodeOtlp, encodeOtlpLines } from "./encode-otlp.ts";
import { encodePerfetto } from "./encode-perfetto.ts";
import { encodeCsv, encodeJson, encodeJsonl } from "./encode-text.ts";
import type { FileFormat } from "./file-format.ts";
import type { OpenScratch } from "./scratch.ts";

/** Turns batches into the bytes or text of a file, piece by piece. */
export type Encode = (
  streams: AsyncIterable<ChunkBatches>,
  openScratch: OpenScratch,
) => AsyncIterable<Uint8Array | string>;

/** Encoders of the formats that need nothing but this package, in Node as in a browser. */
export const encoders = {
  arrow: encodeArrow,
  csv: encodeCsv,
  json: encodeJson,
  jsonl: encodeJsonl,
  "perfetto.json": encodePerfetto,
  "otlp.json": encodeOtlp,
  "otlp.jsonl": encodeOtlpLines,
} satisfies Record<Exclude<FileFormat, "parquet">, Encode>;

/** The IPC streams of an answer's chunks; rows are counted as they pass, and told after each chunk. */
export async function* streamsOf(
  chunks: AsyncIterable<ArrowChunk>,
  counter: { rows: number },
  onRows?: (rows: number) => void,
): AsyncGenerator<ChunkBatches, void, undefined> {
  for await (const chunk of chunks) {
    for (const stream of readChunk(chunk)) {
      for (const batch of stream.batches) counter.rows += batch.numRows;
      yield stream;
    }
    onRows?.(counter.rows);
  }
}
