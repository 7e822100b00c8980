import type { Attributes } from "@opentelemetry/api";
import type { ProtoWriter } from "./proto-writer.ts";

/**
 * Writes attributes as repeated KeyValue under `field`.
 *
 * Whole numbers become int64, others double, as all OpenTelemetry SDKs for JavaScript do.
 * Source: proto/opentelemetry/proto/common/v1/common.proto.
 */
export function writeAttributes(writer: ProtoWriter, field: number, attributes: Attributes): void {
  for (const key in attributes) writeAttribute(writer, field, [key, attributes[key]]);
}

/** Writes one KeyValue under `field`. */
export function writeAttribute(writer: ProtoWriter, field: number, [key, value]: [string, unknown]): void {
  if (value === undefined) return;
  const pair = writer.begin(field);
  writer.string(1, key);
  writeAnyValue(writer, 2, value);
  writer.end(pair);
}

/** Writes an AnyValue under `field`; null becomes an empty one. */
export function writeAnyValue(writer: ProtoWriter, field: number, value: unknown): void {
  const mark = writer.begin(field);
  if (typeof value === "string") writer.stringAlways(1, value);
  else if (typeof value === "boolean") writer.bool(2, value);
  else if (typeof value === "number") writeNumber(writer, value);
  else if (typeof value === "bigint") writer.int64(3, Number(value));
  else if (value instanceof Uint8Array) writer.bytes(7, value);
  else if (Array.isArray(value)) writeArray(writer, value);
  else if (typeof value === "object" && value !== null) writeMap(writer, value);
  writer.end(mark);
}

function writeNumber(writer: ProtoWriter, value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.int64(3, value);
  else writer.double(4, value);
}

function writeArray(writer: ProtoWriter, values: readonly unknown[]): void {
  const array = writer.begin(5);
  for (const value of values) writeAnyValue(writer, 1, value);
  writer.end(array);
}

function writeMap(writer: ProtoWriter, map: object): void {
  const list = writer.begin(6);
  for (const entry of Object.entries(map)) writeAttribute(writer, 1, entry);
  writer.end(list);
}
