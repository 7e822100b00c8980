import type { ArrowChunk } from "@spanloom/protocol";
import { type RecordBatch, Schema, Table, type TypeMap } from "apache-arrow";
import { readChunk } from "./read-arrow.ts";
import { DictionaryUnifier } from "./unify-dictionaries.ts";

/**
 * Assembles an answer into one table.
 *
 * Columns are views of the chunks' bytes, which live as long as the table does; only keys of dictionary columns are
 * copied, where chunks number their values differently.
 *
 * Errors: INTERNAL when a chunk is not Arrow or the columns change on the way; what the chunks' source throws.
 */
export async function toArrowTable<Columns extends TypeMap>(
  chunks: AsyncIterable<ArrowChunk>,
): Promise<Table<Columns>> {
  let unifier: DictionaryUnifier | undefined;
  const renumbered: RecordBatch[] = [];
  for await (const chunk of chunks) {
    for (const { schema, batches } of readChunk(chunk)) {
      unifier ??= new DictionaryUnifier(schema);
      for (const batch of batches) renumbered.push(unifier.renumber(batch));
    }
  }
  const schema = unifier?.schema ?? new Schema([]);
  return new Table(schema, unifier?.complete(renumbered) ?? []) as Table<Columns>;
}
