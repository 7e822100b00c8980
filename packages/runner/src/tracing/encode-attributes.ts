import { errorStack, isError } from "../error-stack.ts";
import type { ProtoWriter } from "./proto-writer.ts";

/**
 * Writes attributes as repeated KeyValue under `field`; names in `without` are left out.
 *
 * Whole numbers become int64, others double, as all OpenTelemetry SDKs for JavaScript do.
 * Source: proto/opentelemetry/proto/common/v1/common.proto.
 */
export function writeAttributes(
  writer: ProtoWriter,
  field: number,
  attributes: object,
  without?: ReadonlySet<string>,
): void {
  for (const key of Object.keys(attributes)) {
    if (!without?.has(key)) writeAttribute(writer, field, [key, readProperty(attributes, key)]);
  }
}

function readProperty(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key];
  } catch {
    // A getter threw: the record is worth having without this value.
    return UNREADABLE;
  }
}

const UNREADABLE = "[unreadable]";

/** Writes one KeyValue under `field`. */
export function writeAttribute(writer: ProtoWriter, field: number, [key, value]: [string, unknown]): void {
  if (value === undefined) return;
  const pair = writer.begin(field);
  writer.string(1, key);
  writeAnyValue(writer, 2, value);
  writer.end(pair);
}

/**
 * Writes an AnyValue under `field`, whatever it is given; null becomes an empty one.
 *
 * What OTLP has no type for becomes text: dates, errors and what led to them, patterns, symbols, functions, bigints beyond
 * 64 bits, and whatever has a `toJSON`; Maps become maps, Sets arrays. A value within itself is `[circular]`, one deeper than {@link MAX_DEPTH}
 * `[nested too deep]`, one that throws when read `[unreadable]`.
 */
export function writeAnyValue(writer: ProtoWriter, field: number, value: unknown): void {
  writeValue(writer, field, value, NO_ANCESTORS);
}

/** Levels of arrays and maps: a fourth of what the server reads. */
const MAX_DEPTH = 16;

const NO_ANCESTORS: readonly object[] = [];

function writeValue(writer: ProtoWriter, field: number, value: unknown, ancestors: readonly object[]): void {
  const mark = writer.begin(field);
  switch (typeof value) {
    case "string":
      writer.stringAlways(1, value);
      break;
    case "number":
      writeNumber(writer, value);
      break;
    case "boolean":
      writer.bool(2, value);
      break;
    case "bigint":
      if (BigInt.asIntN(64, value) === value) writer.bigint64(3, value);
      else writer.stringAlways(1, value.toString());
      break;
    case "symbol":
      writer.stringAlways(1, value.toString());
      break;
    case "function":
      writer.stringAlways(1, `[function ${String(value.name)}]`);
      break;
    case "object":
      if (value !== null) writeObject(writer, value, ancestors);
  }
  writer.end(mark);
}

function writeNumber(writer: ProtoWriter, value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.int64(3, value);
  else writer.double(4, value);
}

/** What an object is written as: text, bytes, items of an array, or entries of a map. */
type Form = string | Uint8Array | { items: readonly unknown[] } | { entries: readonly [string, unknown][] };

function writeObject(writer: ProtoWriter, value: object, ancestors: readonly object[]): void {
  const form = formOf(value, ancestors);
  if (typeof form === "string") writer.stringAlways(1, form);
  else if (form instanceof Uint8Array) writer.bytes(7, form);
  else {
    const within = [...ancestors, value];
    if ("items" in form) writeItems(writer, form.items, within);
    else writeEntries(writer, form.entries, within);
  }
}

function writeItems(writer: ProtoWriter, items: readonly unknown[], within: readonly object[]): void {
  const array = writer.begin(5);
  for (const item of items) writeValue(writer, 1, item, within);
  writer.end(array);
}

function writeEntries(writer: ProtoWriter, entries: readonly [string, unknown][], within: readonly object[]): void {
  const list = writer.begin(6);
  for (const [key, value] of entries) {
    if (value === undefined) continue;
    const pair = writer.begin(1);
    writer.string(1, key);
    writeValue(writer, 2, value, within);
    writer.end(pair);
  }
  writer.end(list);
}

function formOf(value: object, ancestors: readonly object[]): Form {
  if (ancestors.includes(value)) return "[circular]";
  if (ancestors.length >= MAX_DEPTH) return "[nested too deep]";
  try {
    return readForm(value);
  } catch {
    // A getter or a proxy threw: the record is worth having without this value.
    return UNREADABLE;
  }
}

function readForm(value: object): Form {
  if (Array.isArray(value)) return { items: value.slice(0, MAX_ITEMS) };
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
  if (isError(value)) return errorStack(value);
  if (value instanceof Set) return { items: [...value].slice(0, MAX_ITEMS) };
  if (value instanceof Map)
    return { entries: [...value].slice(0, MAX_ITEMS).map(([key, item]) => [String(key), item]) };
  if (ArrayBuffer.isView(value)) return readView(value);
  if (value instanceof RegExp || value instanceof String) return String(value);
  if ("toJSON" in value && typeof value.toJSON === "function") return readJson(value.toJSON());
  const keys = Object.keys(value).slice(0, MAX_ITEMS);
  return { entries: keys.map((key) => [key, (value as Record<string, unknown>)[key]]) };
}

/** Items of one array or map: more fit into no record. */
const MAX_ITEMS = 1_000_000;

function readView(view: ArrayBufferView): Form {
  if (view instanceof DataView) return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return { items: Array.from(view as unknown as ArrayLike<unknown>).slice(0, MAX_ITEMS) };
}

function readJson(value: unknown): Form {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
}
