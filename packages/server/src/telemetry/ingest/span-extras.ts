import { SpanloomError } from "@spanloom/protocol";
import type { RowBuilder, SpanColumns } from "../columns/span-columns.ts";
import { readAttribute } from "./attribute-reader.ts";
import { readEvent } from "./event-reader.ts";
import { readLink } from "./link-reader.ts";
import { messageEnd } from "./span-reader.ts";
import { WireReader } from "./wire-reader.ts";

/** Counts of what the code's own limits dropped. */
export interface DroppedCounts {
  attributes: number;
  events: number;
  links: number;
}

/**
 * Reads attributes, events and links of a serialized OTLP span into the open row; other fields are ignored.
 *
 * Returns undefined when the bytes are malformed: the caller then undoes the row.
 */
export function readSpanExtras(bytes: Uint8Array, rows: RowBuilder<SpanColumns>): DroppedCounts | undefined {
  const r = new WireReader(bytes, "attempt span");
  const to = rows.columns;
  const dropped = { attributes: 0, events: 0, links: 0 };
  try {
    while (r.pos < r.end) {
      const tag = r.tag();
      if (tag === 0x4a) readAttribute(r, messageEnd(r), to);
      else if (tag === 0x5a) readEvent(r, messageEnd(r), to.events.children);
      else if (tag === 0x6a) readLink(r, messageEnd(r), to.links.children);
      else if (tag === 0x50) dropped.attributes = r.varint();
      else if (tag === 0x60) dropped.events = r.varint();
      else if (tag === 0x70) dropped.links = r.varint();
      else r.skip(tag);
    }
  } catch (error) {
    if (error instanceof SpanloomError) return undefined;
    throw error;
  }
  return dropped;
}
