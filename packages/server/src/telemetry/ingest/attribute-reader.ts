import type { MapColumn } from "../columns/nested-column.ts";
import { appendAnyValue, type ValueType } from "./any-value.ts";
import type { WireReader } from "./wire-reader.ts";

/** Where attributes go. */
export interface AttributeSink {
  attributes: MapColumn;
  attribute_types: MapColumn;
}

/** Told of every attribute read: its key's place in the payload, and that its value is the last of `attributes`. */
export type AttributeListener = (r: WireReader, keyStart: number, keyEnd: number) => void;

/**
 * Reads a KeyValue that ends at `end` into the open row of `sink`. A missing value is empty.
 *
 * Types name keys whose values are not text. Of a key that repeats they name each value's, in turn, as soon as one is
 * not text, else it would be open which one they mean; text's type is "".
 */
export function readAttribute(r: WireReader, end: number, sink: AttributeSink, listener?: AttributeListener): void {
  r.item();
  const outer = r.end;
  r.end = end;
  let keyStart = end;
  let keyEnd = end;
  let valueAt = end;
  let valueEnd = end;
  while (r.pos < end) {
    const tag = r.tag();
    if (tag === 0x0a) {
      const length = r.length();
      keyStart = r.pos;
      keyEnd = r.pos + length;
      r.pos = keyEnd;
    } else if (tag === 0x12) {
      const length = r.length();
      valueAt = r.pos;
      valueEnd = r.pos + length;
      r.pos = valueEnd;
    } else r.skip(tag);
  }
  r.pos = valueAt;
  const { attributes, attribute_types: types } = sink;
  const mayRepeat = attributes.appendKey(r.bytes, keyStart, keyEnd);
  const type = appendAnyValue(r, valueEnd, attributes.values);
  if (mayRepeat) appendTypeOfRepeated(r, keyStart, keyEnd, { sink, type });
  else if (type !== "") appendType(r, keyStart, keyEnd, { types, type });
  r.pos = end;
  r.end = outer;
  listener?.(r, keyStart, keyEnd);
}

function appendTypeOfRepeated(
  r: WireReader,
  keyStart: number,
  keyEnd: number,
  { sink, type }: { sink: AttributeSink; type: ValueType },
): void {
  const { attributes, attribute_types: types } = sink;
  const isNamed = types.countOpen(r.bytes, keyStart, keyEnd) > 0;
  if (type === "" && !isNamed) return;
  const before = isNamed ? 0 : attributes.countOpen(r.bytes, keyStart, keyEnd) - 1;
  for (let i = 0; i < before; i++) appendType(r, keyStart, keyEnd, { types, type: "" });
  appendType(r, keyStart, keyEnd, { types, type });
}

function appendType(
  r: WireReader,
  keyStart: number,
  keyEnd: number,
  { types, type }: { types: MapColumn; type: ValueType },
): void {
  types.keys.append(r.bytes, keyStart, keyEnd);
  types.values.appendText(type);
}
