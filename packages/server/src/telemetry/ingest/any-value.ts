import type { Utf8Column } from "../columns/utf8-column.ts";
import type { WireReader } from "./wire-reader.ts";

/** Types of attribute values as `attribute_types` names them; text is the default and has none. */
export type ValueType = "" | "bool" | "int" | "double" | "bytes" | "array" | "map" | "empty";

// A byte order mark at its beginning is part of the text.
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads an AnyValue from the message `[r.pos, end)` and appends its text form; returns its type.
 *
 * Integers are decimal, doubles as JavaScript writes them, bytes base64, arrays and maps JSON (see `jsonOf`).
 */
export function appendAnyValue(r: WireReader, end: number, values: Utf8Column): ValueType {
  // One string field is what nearly every value is.
  if (r.pos + 1 < end && r.bytes[r.pos] === 0x0a) {
    const length = r.bytes[r.pos + 1]!;
    if (length < 0x80 && r.pos + 2 + length === end) {
      values.append(r.bytes, r.pos + 2, end);
      r.pos = end;
      return "";
    }
  }
  const found = findValue(r, end);
  const type = appendFound(r, found, values);
  r.pos = end;
  return type;
}

/** Where the value of an AnyValue stands; the last of several wins, as protobuf asks. */
interface FoundValue {
  tag: number;
  at: number;
}

function findValue(r: WireReader, end: number): FoundValue {
  const outer = r.end;
  r.end = end;
  let tag = 0;
  let at = r.pos;
  while (r.pos < end) {
    const next = r.tag();
    if (isValueTag(next)) {
      tag = next;
      at = r.pos;
    }
    r.skip(next);
  }
  r.end = outer;
  return { tag, at };
}

function isValueTag(tag: number): boolean {
  return tag === 0x0a || tag === 0x10 || tag === 0x18 || tag === 0x21 || tag === 0x2a || tag === 0x32 || tag === 0x3a;
}

function appendFound(r: WireReader, found: FoundValue, values: Utf8Column): ValueType {
  r.pos = found.at;
  switch (found.tag) {
    case 0x0a: {
      const length = r.length();
      values.append(r.bytes, r.pos, r.pos + length);
      return "";
    }
    case 0x10:
      values.appendText((r.varint() | r.high) !== 0 ? "true" : "false");
      return "bool";
    case 0x18:
      appendLong(values, r.varint(), r.high);
      return "int";
    case 0x21:
      values.appendText(doubleText(r.double()));
      return "double";
    case 0x3a: {
      const length = r.length();
      values.appendText(base64(r, r.pos, length));
      return "bytes";
    }
    case 0x2a:
    case 0x32:
      values.appendText(jsonAt(r, found, 1));
      return found.tag === 0x2a ? "array" : "map";
    default:
      values.appendText("");
      return "empty";
  }
}

/** Appends a signed 64-bit integer as decimal text. */
export function appendLong(values: Utf8Column, low: number, high: number): void {
  if (high === 0) appendDecimal(values, low);
  else values.appendText(longText(low, high));
}

function longText(low: number, high: number): string {
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)).toString();
}

function appendDecimal(values: Utf8Column, value: number): void {
  const from = values.reserve(10);
  let digits = 1;
  for (let limit = 10; digits < 10 && value >= limit; limit *= 10) digits++;
  let rest = value;
  for (let i = digits - 1; i >= 0; i--) {
    const next = Math.floor(rest / 10);
    values.bytes[from + i] = 48 + rest - next * 10;
    rest = next;
  }
  values.close(from + digits);
}

/** A double as text: `NaN`, `Infinity`, `-Infinity`, `-0` and else JavaScript's shortest form. */
export function doubleText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function base64(r: WireReader, start: number, length: number): string {
  return Buffer.from(r.bytes.buffer, r.bytes.byteOffset + start, length).toString("base64");
}

/**
 * A nested value as JSON. Integers have no point, doubles always have a point or exponent, text is a JSON string,
 * bytes are `{"$bytes":"<base64>"}`, not-a-number and infinities `{"$double":"NaN"}`, an empty value null; maps are
 * objects with keys in the order sent, repeated ones included. Keys that would read as one of these two have a `$` more.
 */
function jsonOf(r: WireReader, end: number, depth: number): string {
  r.checkDepth(depth);
  const json = jsonAt(r, findValue(r, end), depth);
  r.pos = end;
  return json;
}

function jsonAt(r: WireReader, found: FoundValue, depth: number): string {
  r.pos = found.at;
  switch (found.tag) {
    case 0x0a: {
      const length = r.length();
      return JSON.stringify(textAt(r, r.pos, length));
    }
    case 0x10:
      return (r.varint() | r.high) !== 0 ? "true" : "false";
    case 0x18: {
      const low = r.varint();
      return longText(low, r.high);
    }
    case 0x21:
      return doubleJson(r.double());
    case 0x3a: {
      const length = r.length();
      return `{"$bytes":"${base64(r, r.pos, length)}"}`;
    }
    case 0x2a:
      return `[${jsonItems(r, depth, jsonOf).join(",")}]`;
    case 0x32:
      return `{${jsonItems(r, depth, jsonEntry).join(",")}}`;
    default:
      return "null";
  }
}

function doubleJson(value: number): string {
  if (!Number.isFinite(value)) return `{"$double":"${value}"}`;
  const digits = doubleText(value);
  return /[.e]/.test(digits) ? digits : `${digits}.0`;
}

/** Items of an ArrayValue or KeyValueList whose length stands at `r.pos`. */
function jsonItems(
  r: WireReader,
  depth: number,
  item: (r: WireReader, end: number, depth: number) => string,
): string[] {
  const length = r.length();
  const end = r.pos + length;
  const outer = r.end;
  r.end = end;
  const items: string[] = [];
  while (r.pos < end) {
    const tag = r.tag();
    if (tag !== 0x0a) r.skip(tag);
    else {
      r.item();
      const size = r.length();
      items.push(item(r, r.pos + size, depth + 1));
    }
  }
  r.end = outer;
  return items;
}

function jsonEntry(r: WireReader, end: number, depth: number): string {
  r.checkDepth(depth);
  const outer = r.end;
  r.end = end;
  let key = "";
  let value = "null";
  while (r.pos < end) {
    const tag = r.tag();
    if (tag === 0x0a) {
      const length = r.length();
      key = textAt(r, r.pos, length);
      r.pos += length;
    } else if (tag === 0x12) {
      const length = r.length();
      value = jsonOf(r, r.pos + length, depth);
    } else r.skip(tag);
  }
  r.end = outer;
  return `${JSON.stringify(markerKey.test(key) ? `$${key}` : key)}:${value}`;
}

/** Keys that mark bytes and odd doubles, and what these become as keys of maps. */
const markerKey = /^\$+(?:bytes|double)$/;

function textAt(r: WireReader, start: number, length: number): string {
  return text.decode(r.bytes.subarray(start, start + length));
}
