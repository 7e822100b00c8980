import { AsyncByteQueue, Field, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from "apache-arrow";
import type { Column } from "./column.ts";

/**
 * Columns by name as one uncompressed Arrow IPC stream, in parts that lend the columns' own arrays: some 60 MB a batch
 * are not copied. All columns must have the same length.
 */
export function toArrowStream(columns: Readonly<Record<string, Column>>): Uint8Array[] {
  const children = Object.values(columns).map((column) => column.finish());
  const fields = Object.keys(columns).map((name, i) => new Field(name, children[i]!.type, false));
  const length = children[0]?.length ?? 0;
  const struct = makeData({ type: new Struct(fields), length, nullCount: 0, children });
  const sink = new PartsSink();
  const writer = new RecordBatchStreamWriter().reset(sink);
  writer.write(new RecordBatch(new Schema(fields), struct));
  writer.close();
  return sink.parts;
}

/** Takes what the writer writes, as it is. */
class PartsSink extends AsyncByteQueue {
  readonly parts: Uint8Array[] = [];

  override write(part: Parameters<AsyncByteQueue["write"]>[0]): void {
    if (!(part instanceof Uint8Array))
      throw new TypeError("cannot write Arrow: the writer gave something else than bytes");
    if (part.length > 0) this.parts.push(part);
  }
}
