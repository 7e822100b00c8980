import { type Event, EventSource } from "@spanloom/protocol";
import { decodePayload } from "../codec.ts";
import { dateOf } from "../date-of.ts";
import { enumNames } from "../enum-names.ts";
import { type FiringSnapshot, toFiringSnapshot } from "./firing-snapshot.ts";

/** Where an event came from. */
export type EventSourceName = Exclude<keyof typeof EventSource, "UNSPECIFIED">;

/** An event as it is kept. */
export interface EventSnapshot {
  /** Its id. */
  id: string;
  /** What happened. */
  key: string;
  /** What there is to say of it. */
  payload: unknown;
  /** Facts beside it. */
  metadata: Record<string, string>;
  /** Where it came from. */
  source: EventSourceName;
  /** Name of the webhook it came by. */
  webhook?: string;
  /** The event it repeats. */
  replayOf?: string;
  /** When the server took it. */
  receivedAt: Date;
  /** All triggers have seen it. */
  matched: boolean;
  /** Jobs and events in a row that led to it. */
  depth: number;
  /** What it fired; of `get` alone. */
  firings?: FiringSnapshot[];
}

const sourceName = enumNames(EventSource);

/** An event of the protocol as a plain object; firings come along when `firings` is true. */
export function toEventSnapshot(event: Event, firings: boolean): EventSnapshot {
  const { id, key, metadata, webhook, replayOf, matched, depth } = event;
  return {
    ...{ id, key, metadata: { ...metadata } },
    payload: decodePayload(event.payload, `cannot read event "${id}"`) ?? null,
    source: sourceName(event.source) as EventSourceName,
    ...(webhook && { webhook }),
    ...(replayOf && { replayOf }),
    receivedAt: dateOf(event.receivedAt) ?? new Date(0),
    ...{ matched, depth },
    ...(firings && { firings: event.firings.map(toFiringSnapshot) }),
  };
}
