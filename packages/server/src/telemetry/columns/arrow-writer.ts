import { Field, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from "apache-arrow";
import type { Column } from "./column.ts";

/** Columns by name as one uncompressed Arrow IPC stream. All columns must have the same length. */
export function toArrowStream(columns: Readonly<Record<string, Column>>): Uint8Array {
  const children = Object.values(columns).map((column) => column.finish());
  const fields = Object.keys(columns).map((name, i) => new Field(name, children[i]!.type, false));
  const length = children[0]?.length ?? 0;
  const struct = makeData({ type: new Struct(fields), length, nullCount: 0, children });
  const writer = new RecordBatchStreamWriter();
  writer.write(new RecordBatch(new Schema(fields), struct));
  writer.close();
  return writer.toUint8Array(true);
}
