import type { ArrowChunk } from "@spanloom/protocol";
import { type RecordBatch, Schema, Table, type TypeMap } from "apache-arrow";
import { readChunk } from "./read-arrow.ts";

/** Assembles an answer into one table. */
export async function toArrowTable<Columns extends TypeMap>(
  chunks: AsyncIterable<ArrowChunk>,
): Promise<Table<Columns>> {
  let schema: Schema<Columns> | undefined;
  const all: RecordBatch<Columns>[] = [];
  for await (const chunk of chunks) {
    for (const { schema: own, batches } of readChunk<Columns>(chunk)) {
      schema ??= own;
      all.push(...batches);
    }
  }
  return new Table<Columns>(schema ?? new Schema<Columns>([]), all);
}
