import { create, toBinary } from "@bufbuild/protobuf";
import type { Limits } from "@spanloom/protocol";
import { KeyValueSchema, type Span, Span_EventSchema, Span_LinkSchema, SpanSchema } from "@spanloom/protocol/otlp";

/** Nothing was put on the span. */
export const NO_SPAN_EXTRAS = new Uint8Array(0);

/** What the code put on its attempt's span, serialized; telemetry never spoils a result, so what is too much is cut. */
export function toSpanExtras(span: Span | undefined, { maxOutputBytes }: Limits): Uint8Array {
  if (span === undefined) return NO_SPAN_EXTRAS;
  const bare = span.attributes.length + span.events.length + span.links.length === 0;
  const dropped = span.droppedAttributesCount + span.droppedEventsCount + span.droppedLinksCount > 0;
  if (bare && !dropped) return NO_SPAN_EXTRAS;
  const bytes = toBinary(SpanSchema, span);
  return bytes.length <= maxOutputBytes ? bytes : toBinary(SpanSchema, cutSpan(span, maxOutputBytes));
}

/** The attributes, events and links of a span that fit, in this order and each in its own; the others are counted. */
function cutSpan(span: Span, maxBytes: number): Span {
  let room = maxBytes - COUNTS_BYTES;
  const fitting = <Message>(messages: Message[], sizeOf: (message: Message) => number): Message[] =>
    messages.filter((message) => {
      const bytes = sizeOf(message) + HEADER_BYTES;
      if (bytes > room) return false;
      room -= bytes;
      return true;
    });
  const attributes = fitting(span.attributes, (each) => toBinary(KeyValueSchema, each).length);
  const events = fitting(span.events, (each) => toBinary(Span_EventSchema, each).length);
  const links = fitting(span.links, (each) => toBinary(Span_LinkSchema, each).length);
  return create(SpanSchema, {
    attributes,
    events,
    links,
    droppedAttributesCount: toUint32(span.droppedAttributesCount + span.attributes.length - attributes.length),
    droppedEventsCount: toUint32(span.droppedEventsCount + span.events.length - events.length),
    droppedLinksCount: toUint32(span.droppedLinksCount + span.links.length - links.length),
  });
}

/** Tag and length of a message within the span. */
const HEADER_BYTES = 6;

/** What the three counts take. */
const COUNTS_BYTES = 18;

function toUint32(count: number): number {
  return Math.min(count, 0xffff_ffff);
}
