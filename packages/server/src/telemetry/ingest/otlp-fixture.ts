import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  type KeyValueSchema,
  type LogRecordSchema,
  type SpanSchema,
} from "@spanloom/protocol/otlp";
import { tableFromIPC } from "apache-arrow";

/** Test fixture: OTLP payloads in short, and columns read back as plain values. */

/** A value as OTLP writes it: bigint is int, number is double. */
export type FixtureValue =
  | string
  | boolean
  | bigint
  | number
  | Uint8Array
  | FixtureValue[]
  | { map: [string, FixtureValue][] }
  | null;

/** A key and a typed value. */
export function attribute(key: string, value: FixtureValue): MessageInitShape<typeof KeyValueSchema> {
  return { key, ...(value !== undefined && { value: anyValue(value) }) } as MessageInitShape<typeof KeyValueSchema>;
}

function anyValue(value: FixtureValue): object {
  if (value === null) return {};
  if (typeof value === "string") return { value: { case: "stringValue", value } };
  if (typeof value === "boolean") return { value: { case: "boolValue", value } };
  if (typeof value === "bigint") return { value: { case: "intValue", value } };
  if (typeof value === "number") return { value: { case: "doubleValue", value } };
  if (value instanceof Uint8Array) return { value: { case: "bytesValue", value } };
  if (Array.isArray(value)) return { value: { case: "arrayValue", value: { values: value.map(anyValue) } } };
  return { value: { case: "kvlistValue", value: { values: value.map.map(([key, inner]) => attribute(key, inner)) } } };
}

/** A span with what it must have; the rest as given. */
export function span(n: number, rest: MessageInitShape<typeof SpanSchema> = {}): MessageInitShape<typeof SpanSchema> {
  return {
    traceId: idBytes(16, 7),
    spanId: idBytes(8, n),
    name: `span ${n}`,
    startTimeUnixNano: 1_767_225_600_000_000_000n + BigInt(n) * 1000n,
    endTimeUnixNano: 1_767_225_600_000_000_000n + BigInt(n) * 1000n + 500n,
    ...rest,
  };
}

/** An id of `size` bytes that ends in `n`. */
export function idBytes(size: number, n: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes[0] = 1;
  new DataView(bytes.buffer).setUint32(size - 4, n);
  return bytes;
}

/** Spans of one resource and scope as a payload. */
export function tracePayload(
  spans: readonly MessageInitShape<typeof SpanSchema>[],
  resource: readonly MessageInitShape<typeof KeyValueSchema>[] = [attribute("service.name", "checkout")],
): Uint8Array {
  const message = create(ExportTraceServiceRequestSchema, {
    resourceSpans: [
      {
        resource: { attributes: [...resource] },
        scopeSpans: [{ scope: { name: "lib", version: "1.2" }, spans: [...spans] }],
      },
    ],
  });
  return toBinary(ExportTraceServiceRequestSchema, message);
}

/** Log records of one resource and scope as a payload. */
export function logPayload(
  records: readonly MessageInitShape<typeof LogRecordSchema>[],
  resource: readonly MessageInitShape<typeof KeyValueSchema>[] = [attribute("service.name", "checkout")],
): Uint8Array {
  const message = create(ExportLogsServiceRequestSchema, {
    resourceLogs: [
      {
        resource: { attributes: [...resource] },
        scopeLogs: [{ scope: { name: "lib", version: "1.2" }, logRecords: [...records] }],
      },
    ],
  });
  return toBinary(ExportLogsServiceRequestSchema, message);
}

/** A log record with what it must have; the rest as given. */
export function logRecord(
  n: number,
  rest: MessageInitShape<typeof LogRecordSchema> = {},
): MessageInitShape<typeof LogRecordSchema> {
  return {
    timeUnixNano: 1_767_225_600_000_000_000n + BigInt(n) * 1000n,
    severityNumber: 9,
    body: { value: { case: "stringValue", value: `line ${n}` } },
    ...rest,
  } as MessageInitShape<typeof LogRecordSchema>;
}

/** Rows of Arrow streams as plain values: bytes as hex, times and wide integers as bigint, maps as entries. */
export function rowsOf(...streams: readonly (Uint8Array | readonly Uint8Array[])[]): Record<string, unknown>[] {
  return streams.flatMap((ipc) => {
    const table = tableFromIPC(ipc instanceof Uint8Array ? ipc : Buffer.concat(ipc));
    return Array.from({ length: table.numRows }, (_, row) =>
      Object.fromEntries(
        table.schema.fields.map(({ name }, column) => [name, plain(table.getChildAt(column)!.data[0]!, row)]),
      ),
    );
  });
}

/** One value of a column's data, without Arrow's lossy conversions. */
// biome-ignore lint/suspicious/noExplicitAny: Arrow's data is a union of forty types, told apart below by what they hold
function plain(data: any, row: number): unknown {
  if (data.nullBitmap?.length > 0 && !data.getValid(row)) return null;
  const kind = String(data.type);
  if (data.dictionary) return data.dictionary.get(data.values[row]);
  if (kind.startsWith("Map") || kind.startsWith("List")) {
    const [from, to] = [data.valueOffsets[row], data.valueOffsets[row + 1]];
    return Array.from({ length: to - from }, (_, i) => plain(data.children[0], from + i));
  }
  if (kind.startsWith("Struct")) {
    const values = data.children.map((child: unknown) => plain(child, row));
    const names: string[] = data.type.children.map((field: { name: string }) => field.name);
    return names[0] === "key" ? values : Object.fromEntries(names.map((name, i) => [name, values[i]]));
  }
  if (kind === "Utf8")
    return new TextDecoder().decode(data.values.subarray(data.valueOffsets[row], data.valueOffsets[row + 1]));
  if (kind.startsWith("FixedSizeBinary")) {
    const width = data.type.byteWidth;
    return Buffer.from(data.values.subarray(row * width, (row + 1) * width)).toString("hex");
  }
  return data.values[row];
}
