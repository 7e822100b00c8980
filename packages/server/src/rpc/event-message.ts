import { create } from "@bufbuild/protobuf";
import { type Event, EventSchema, EventSource, timestampFromUs } from "@spanloom/protocol";
import { invalidField } from "../engine/field.ts";
import type { EventRecord, FiringRecord } from "../store/trigger-store.ts";
import { toFiring } from "./firing-message.ts";

const sources = {
  published: EventSource.PUBLISHED,
  webhook: EventSource.WEBHOOK,
  job: EventSource.JOB,
  replay: EventSource.REPLAY,
} as const satisfies Record<EventRecord["source"], EventSource>;

/** A stored event as the protocol's message; `matchedSeq` is up to where events are matched. */
export function toEvent(record: EventRecord, matchedSeq: number, firings: readonly FiringRecord[] = []): Event {
  return create(EventSchema, {
    id: record.id,
    key: record.key,
    payload: record.payload,
    metadata: record.metadata,
    source: sources[record.source],
    webhook: record.webhook,
    replayOf: record.replayOf,
    receivedAt: timestampFromUs(record.receivedAtUs),
    matched: record.seq <= matchedSeq,
    depth: record.depth,
    firings: firings.map(toFiring),
  });
}

/** Reads sources to list; undefined for all. Errors: INVALID_FIELD. */
export function toEventSources(
  given: readonly EventSource[],
  field: string,
): readonly EventRecord["source"][] | undefined {
  if (given.length === 0) return undefined;
  return given.map((source, i) => {
    const name = (Object.keys(sources) as EventRecord["source"][]).find((each) => sources[each] === source);
    if (name === undefined) throw invalidField(`${field}[${i}]`, `is ${source}, which this server does not know`);
    return name;
  });
}
