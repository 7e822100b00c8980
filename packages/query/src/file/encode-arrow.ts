import { type Data, type RecordBatch, RecordBatchFileWriter, type Schema, type Utf8, type Vector } from "apache-arrow";
import { FileBlock } from "apache-arrow/ipc/metadata/file";
import type { ChunkBatches } from "../read-arrow.ts";
import { DictionaryUnifier } from "../unify-dictionaries.ts";
import type { OpenScratch } from "./scratch.ts";

/**
 * The Arrow IPC file format, batch by batch.
 *
 * Dictionaries stand before the batches and are whole only after the last one, so batches wait in a scratch. The format also
 * allows dictionaries at the end or as deltas, but not every reader knows them: Arquero's fails on the first.
 */
export async function* encodeArrow(
  streams: AsyncIterable<ChunkBatches>,
  openScratch: OpenScratch,
): AsyncGenerator<Uint8Array, void, undefined> {
  let unifier: DictionaryUnifier | undefined;
  const batchWriter = new PieceWriter();
  await using scratch = await openScratch();
  for await (const { schema, batches } of streams) {
    // Polars refuses keys outside the dictionary where there is none to look up, too.
    unifier ??= new DictionaryUnifier(schema, { clearNulls: true });
    batchWriter.begin(unifier.schema);
    for (const batch of batches) batchWriter.write(unifier.renumber(batch));
    await scratch.append(batchWriter.take());
  }
  if (!unifier) return;
  const fileWriter = new PieceWriter();
  fileWriter.begin(unifier.schema);
  fileWriter.writeDictionaries(unifier.dictionaries());
  fileWriter.placeBatchesOf(batchWriter);
  yield* fileWriter.take();
  yield* scratch.read(MAGIC_BYTES);
  fileWriter.finish();
  yield* fileWriter.take();
}

/** What a file begins with: its magic and padding. */
const MAGIC_BYTES = 8;

/** A file writer that hands over its bytes piece by piece, and whose dictionaries and batches can come from elsewhere. */
class PieceWriter extends RecordBatchFileWriter {
  #pieces: Uint8Array[] = [];
  #begun = false;

  /** Writes what a file begins with, once. */
  begin(schema: Schema): void {
    if (!this.#begun) this.reset(undefined, schema);
    this.#begun = true;
  }

  /** The bytes written since the last call. */
  take(): Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  writeDictionaries(dictionaries: ReadonlyMap<number, Vector<Utf8>>): void {
    for (const [id, vector] of dictionaries) this._writeDictionaryBatch(vector.data[0] as Data, id);
  }

  /** Makes the footer point to batches another writer wrote, as if they followed here. */
  placeBatchesOf(other: PieceWriter): void {
    const shift = this._position - MAGIC_BYTES;
    this._recordBatchBlocks = other._recordBatchBlocks.map(
      ({ metaDataLength, bodyLength, offset }) => new FileBlock(metaDataLength, bodyLength, offset + shift),
    );
  }

  protected override _write(chunk: ArrayBufferView | ArrayBufferLike): this {
    const bytes = ArrayBuffer.isView(chunk)
      ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      : new Uint8Array(chunk);
    if (bytes.byteLength > 0) this.#pieces.push(bytes);
    this._position += bytes.byteLength;
    return this;
  }

  protected override _writeDictionaries(_batch: RecordBatch): this {
    return this;
  }
}
