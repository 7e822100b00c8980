import { type ArrowChunk, SpanloomError } from "@spanloom/protocol";
import { type RecordBatch, RecordBatchReader, type Schema, type TypeMap } from "apache-arrow";

/** The record batches of one chunk and the schema they share. */
export interface ChunkBatches<Columns extends TypeMap = TypeMap> {
  readonly schema: Schema<Columns>;
  /** Batches with at least one row. */
  readonly batches: RecordBatch<Columns>[];
}

/**
 * The record batches of a chunk, as views of its bytes.
 *
 * A chunk is a sequence of whole Arrow IPC streams, each with a schema and dictionaries of its own.
 *
 * Errors: INTERNAL when the bytes are not Arrow.
 */
export function readChunk<Columns extends TypeMap>(chunk: ArrowChunk): ChunkBatches<Columns>[] {
  const streams: ChunkBatches<Columns>[] = [];
  try {
    for (const reader of RecordBatchReader.readAll<Columns>(chunk.ipc)) {
      const batches: RecordBatch<Columns>[] = [];
      for (const batch of reader as Iterable<RecordBatch<Columns>>) if (batch.numRows > 0) batches.push(batch);
      streams.push({ schema: reader.schema, batches });
    }
  } catch (error) {
    const size = chunk.ipc.byteLength;
    throw new SpanloomError(
      "INTERNAL",
      `cannot read Arrow: a chunk of ${size} bytes is not a sequence of IPC streams`,
      {},
      { cause: error },
    );
  }
  return streams;
}

/** Record batches of an answer as it arrives; nothing already yielded is kept. */
export async function* readBatches<Columns extends TypeMap>(
  chunks: AsyncIterable<ArrowChunk>,
): AsyncGenerator<RecordBatch<Columns>, void, undefined> {
  for await (const chunk of chunks) {
    for (const { batches } of readChunk<Columns>(chunk)) yield* batches;
  }
}
