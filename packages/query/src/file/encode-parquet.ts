import { type Schema, Table, tableToIPC } from "apache-arrow";
import type { ChunkBatches } from "../read-arrow.ts";
import { streamItems } from "../stream-items.ts";
import type { Encode } from "./encoders.ts";

export type ParquetWasm = typeof import("parquet-wasm");
type WasmBatch = import("parquet-wasm").RecordBatch;

/** Rows of a row group: what the writer holds in memory at a time, some 20 MB of spans. */
const ROWS_PER_GROUP = 65_536;

/** Parquet with ZSTD compression, row group by row group, through the package `parquet-wasm`, loaded when it is used. */
export function parquetEncoder(load: () => Promise<ParquetWasm>): Encode {
  return async function* encodeParquet(streams) {
    yield* encode(await load(), streams);
  };
}

async function* encode(
  wasm: ParquetWasm,
  streams: AsyncIterable<ChunkBatches>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const properties = new wasm.WriterPropertiesBuilder()
    .setCompression(wasm.Compression.ZSTD)
    .setMaxRowGroupSize(ROWS_PER_GROUP)
    .setCreatedBy("spanloom")
    .build();
  const batches = wasmBatches(wasm, streams);
  const first = await batches.next();
  if (first.done) {
    // The streaming writer learns the columns from the first batch and cannot do without one.
    if (first.value)
      yield wasm.writeParquet(wasm.Table.fromIPCStream(tableToIPC(new Table(first.value), "stream")), properties);
    return;
  }
  const source = streamFrom(chain(first.value, batches));
  const encoded: ReadableStream<Uint8Array> = await wasm.transformParquetStream(source, properties);
  yield* streamItems(encoded);
}

/** Batches as the writer wants them: copies in its own memory, which it frees once written. Returns the schema. */
async function* wasmBatches(
  wasm: ParquetWasm,
  streams: AsyncIterable<ChunkBatches>,
): AsyncGenerator<WasmBatch, Schema | undefined> {
  let schema: Schema | undefined;
  for await (const stream of streams) {
    schema = stream.schema;
    if (stream.batches.length === 0) continue;
    const table = wasm.Table.fromIPCStream(tableToIPC(new Table(schema, stream.batches), "stream"));
    yield* table.recordBatches();
    table.free();
  }
  return schema;
}

/** What `ReadableStream.from` does, which not every browser has. */
function streamFrom<Item>(items: AsyncGenerator<Item>): ReadableStream<Item> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await items.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void (await items.return(undefined)),
  });
}

async function* chain<Item>(first: Item, others: AsyncIterable<Item>): AsyncGenerator<Item> {
  yield first;
  yield* others;
}
