import type { SpanColumns } from "../columns/span-columns.ts";
import { readAttribute } from "./attribute-reader.ts";
import type { WireReader } from "./wire-reader.ts";

/** Reads a Span.Link that ends at `end` into the open row of the links column. Ids are kept as sent, of any length. */
export function readLink(r: WireReader, end: number, to: SpanColumns["links"]["children"]): void {
  r.item();
  const outer = r.end;
  r.end = end;
  const places = [end, 0, end, 0, end, 0];
  let flags = 0;
  let dropped = 0;
  while (r.pos < end) {
    const tag = r.tag();
    if (tag === 0x0a || tag === 0x12 || tag === 0x1a) {
      const field = (tag >> 3) - 1;
      const length = r.length();
      places[2 * field] = r.pos;
      places[2 * field + 1] = length;
      r.pos += length;
    } else if (tag === 0x22) {
      const length = r.length();
      readAttribute(r, r.pos + length, to);
    } else if (tag === 0x28) dropped = r.varint();
    else if (tag === 0x35) flags = r.fixed32();
    else r.skip(tag);
  }
  r.end = outer;
  to.trace_id.appendHex(r.bytes, places[0]!, places[1]!);
  to.span_id.appendHex(r.bytes, places[2]!, places[3]!);
  to.trace_state.append(r.bytes, places[4]!, places[4]! + places[5]!);
  to.flags.append(flags);
  to.dropped_attributes.append(dropped);
  to.attributes.closeRow();
  to.attribute_types.closeRow();
}
