import { create } from "@bufbuild/protobuf";
import { defaultLimits, type NewEvent, NewEventSchema, SpanloomError } from "@spanloom/protocol";
import { encodePayload } from "../codec.ts";

/** An event to publish. */
export interface EventToPublish {
  /** What happened, as segments parted by dots, e.g. `order.paid`; 1..256 bytes. `spanloom.` is the server's own. */
  key: string;
  /** What there is to say of it: plain data, at most 1 MiB as JSON. Default null. */
  payload?: unknown;
  /**
   * Facts beside it, at most 64 of 4 KiB each. A `traceparent` among them, with `tracestate` and `baggage`, is the
   * publisher's, and beats that of the call.
   */
  metadata?: Record<string, string>;
  /** Id, 1..256 bytes: one that is there already is not published again. Default: a new random id. */
  id?: string;
}

/** An event as it travels. Errors: INVALID_FIELD, LIMIT_EXCEEDED. */
export function toNewEvent({ key, payload, metadata = {} }: EventToPublish, id: string): NewEvent {
  const owner = `cannot publish event "${key}"`;
  if (typeof key !== "string" || key === "")
    throw new SpanloomError("INVALID_FIELD", `${owner}: its key must be a text that is not empty`, { field: "key" });
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value === "string") continue;
    const field = `metadata.${name}`;
    throw new SpanloomError("INVALID_FIELD", `${owner}: ${field} is a ${typeof value}, must be a text`, { field });
  }
  const bytes = encodePayload(payload, owner);
  const limit = defaultLimits.maxEventBytes;
  if (bytes.length > limit) {
    const message = `${owner}: its payload has ${bytes.length} bytes, limit is ${limit}`;
    throw new SpanloomError("LIMIT_EXCEEDED", message, { field: "payload", limit, actual: bytes.length });
  }
  return create(NewEventSchema, { id, key, payload: bytes, metadata: { ...metadata } });
}

/** About what an event adds to a request. */
export function eventBytes({ id, key, payload, metadata }: NewEvent): number {
  let bytes = BYTES_PER_EVENT + Buffer.byteLength(id) + Buffer.byteLength(key) + payload.length;
  for (const [name, value] of Object.entries(metadata))
    bytes += BYTES_PER_EVENT + Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
}

/** Tags and lengths of an event, or of an entry of its metadata. */
const BYTES_PER_EVENT = 16;
