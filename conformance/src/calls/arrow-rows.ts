import { type DataType, RecordBatchReader, Type, type Vector } from "apache-arrow";
import { isJsonObject, type Json, type JsonObject } from "../cases/template.ts";

/** Makes rows of the Arrow chunks of one answer, and holds their schemas to be one. */
export class ArrowRows {
  #schema: string | undefined;

  /** Rows of a message's `chunk`, whose bytes are taken out of it. */
  take(message: JsonObject): JsonObject[] {
    const { chunk } = message;
    if (!isJsonObject(chunk) || typeof chunk.ipc !== "string") return [];
    const bytes = Buffer.from(chunk.ipc, "base64");
    chunk.ipc = "";
    const rows = this.#read(bytes);
    if (String(rows.length) !== String(chunk.rows))
      throw new Error(`a chunk says that it has ${String(chunk.rows)} rows, and has ${rows.length}`);
    return rows;
  }

  #read(bytes: Uint8Array): JsonObject[] {
    const rows: JsonObject[] = [];
    if (bytes.length === 0) return rows;
    for (const reader of RecordBatchReader.readAll(bytes)) {
      reader.open({ autoDestroy: false });
      const schema = String(reader.schema);
      this.#schema ??= schema;
      if (schema !== this.#schema) throw new Error(`a chunk has another schema: ${schema}, not ${this.#schema}`);
      for (const batch of reader) {
        for (let at = 0; at < batch.numRows; at++) {
          const row: JsonObject = {};
          for (const [index, { name }] of batch.schema.fields.entries())
            row[name] = cellOf(batch.getChildAt(index), at);
          rows.push(row);
        }
      }
    }
    return rows;
  }
}

/** A cell as JSON; a time to the nanosecond, which the library itself would give in milliseconds. */
function cellOf(column: Vector | null, at: number): Json {
  const value: unknown = column?.get(at);
  const values: unknown = column?.type.typeId === Type.Timestamp ? column.data[0]?.values : undefined;
  if (value !== null && values instanceof BigInt64Array) return String(values[at]);
  return column ? jsonOf(value, column.type) : null;
}

/** A value as JSON: 64-bit numbers and times (in nanoseconds) as text, maps as objects, null where there is none. */
function jsonOf(value: unknown, type: DataType): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number")
    return type.typeId === Type.Timestamp ? String(BigInt(Math.round(value * 1000)) * 1000n) : value;
  if (typeof value !== "object") return String(value);
  const children = type.children ?? [];
  if (type.typeId === Type.Map) {
    const entry = children[0]?.type.children?.[1]?.type;
    return Object.fromEntries(
      [...(value as Iterable<[unknown, unknown]>)].map(([key, item]) => [String(key), jsonOf(item, entry ?? type)]),
    );
  }
  if (type.typeId === Type.List)
    return [...(value as Iterable<unknown>)].map((item) => jsonOf(item, children[0]?.type ?? type));
  if (type.typeId === Type.Struct) {
    const struct = value as Record<string, unknown>;
    return Object.fromEntries(children.map((child) => [child.name, jsonOf(struct[child.name], child.type)]));
  }
  return String(value);
}
