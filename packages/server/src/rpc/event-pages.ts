import { present } from "../present.ts";
import type { EventQuery, EventRecord, TriggerStore } from "../store/trigger-store.ts";

/** Payload held at a time; a part is read anew when it was less. */
const PART_BYTES = 4 * 1024 * 1024;
const FIRST_PART = 4;
const MAX_PART = 500;

/**
 * How many events to read next: as many as have some megabytes of payload, if they are as long as those read last.
 *
 * An event has up to a megabyte, and a thousand of them are asked for at once.
 */
export function nextPartSize(last: readonly EventRecord[]): number {
  if (last.length === 0) return FIRST_PART;
  const bytes = last.reduce((sum, { payload }) => sum + payload.length, 0);
  const asLong = Math.floor((PART_BYTES * last.length) / Math.max(bytes, 1));
  return Math.max(1, Math.min(asLong, last.length * 8, MAX_PART));
}

/** Reads events that fulfil conditions, newest first, in parts that are held one at a time. */
export async function* eventParts(
  triggers: Pick<TriggerStore, "listEvents">,
  query: EventQuery,
  from?: number,
): AsyncGenerator<readonly EventRecord[]> {
  let after = from;
  let part: readonly EventRecord[] = [];
  for (;;) {
    const limit = nextPartSize(part);
    part = await triggers.listEvents(query, { limit, ...present({ after }) });
    if (part.length > 0) yield part;
    if (part.length < limit) return;
    after = part.at(-1)?.seq;
  }
}
