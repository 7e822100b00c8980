import type { SpanColumns } from "../columns/span-columns.ts";
import { readAttribute } from "./attribute-reader.ts";
import type { WireReader } from "./wire-reader.ts";

/** Reads a Span.Event that ends at `end` into the open row of the events column. */
export function readEvent(r: WireReader, end: number, to: SpanColumns["events"]["children"]): void {
  r.item();
  const outer = r.end;
  r.end = end;
  let nameStart = end;
  let nameEnd = end;
  let low = 0;
  let high = 0;
  let dropped = 0;
  while (r.pos < end) {
    const tag = r.tag();
    if (tag === 0x09) {
      low = r.fixed64();
      high = r.high;
    } else if (tag === 0x12) {
      const length = r.length();
      nameStart = r.pos;
      nameEnd = r.pos += length;
    } else if (tag === 0x1a) {
      const length = r.length();
      readAttribute(r, r.pos + length, to);
    } else if (tag === 0x20) dropped = r.varint();
    else r.skip(tag);
  }
  r.end = outer;
  to.time.append(low, high & 0x7fffffff);
  to.name.append(r.bytes, nameStart, nameEnd);
  to.dropped_attributes.append(dropped);
  to.attributes.closeRow();
  to.attribute_types.closeRow();
}
