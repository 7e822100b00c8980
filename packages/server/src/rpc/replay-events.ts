import { create } from "@bufbuild/protobuf";
import {
  type IdGenerator,
  type Limits,
  type ReplayEventsRequest,
  ReplayEventsResponseSchema,
} from "@spanloom/protocol";
import { boundedText, checkLimit, invalidField, requiredText } from "../engine/field.ts";
import { firingId } from "../engine/trigger/firing-id.ts";
import type { EventRecord, NewEventRecord, TriggerStore } from "../store/trigger-store.ts";
import { findDefinition } from "./definition-change.ts";
import { eventParts, nextPartSize } from "./event-pages.ts";
import { eventNotFound, toEventQuery } from "./event-query.ts";

/** What the call needs. */
export interface ReplayOptions {
  triggers: TriggerStore;
  ids: Pick<IdGenerator, "next">;
  limits: Limits;
}

const MAX_IDS = 1_000;
const DEFAULT_MAX_EVENTS = 1_000;

/**
 * Publishes kept events again, the oldest first.
 *
 * Errors: EVENT_NOT_FOUND, TRIGGER_NOT_FOUND; LIMIT_EXCEEDED for more events than the caller allows, before any is published.
 */
export async function replayEvents(request: ReplayEventsRequest, options: ReplayOptions) {
  const { triggers, ids, limits } = options;
  const idempotencyKey = boundedText("idempotency_key", request.idempotencyKey, limits.maxNameBytes);
  const trigger = boundedText("trigger", request.trigger, limits.maxNameBytes);
  const onlyTrigger = trigger === "" ? "" : (await findDefinition(triggers, "trigger", trigger)).id;
  const originals = await originalIds(request, triggers, limits);
  const eventIds: string[] = [];
  let records: readonly EventRecord[] = [];
  for (let start = 0; start < originals.length; ) {
    const wanted = originals.slice(start, start + nextPartSize(records));
    start += wanted.length;
    records = await triggers.getEvents(wanted);
    const replays = records
      .toSorted((a, b) => a.seq - b.seq)
      .map((record): NewEventRecord => {
        const id = idempotencyKey === "" ? ids.next() : replayId(record.id, idempotencyKey, record.receivedAtUs);
        return replayOf(record, id, onlyTrigger);
      });
    await triggers.publish(replays);
    eventIds.push(...replays.map(({ id }) => id));
  }
  return create(ReplayEventsResponseSchema, { eventIds });
}

function replayId(originalId: string, idempotencyKey: string, originalUs: number): string {
  return firingId(originalUs, `replay ${JSON.stringify([idempotencyKey, originalId])}`);
}

/** Whether an event was made by an earlier call under the key: what is found by conditions finds such events, too. */
function isReplayUnder(idempotencyKey: string, { id, source, replayOf: originalId }: EventRecord): boolean {
  if (idempotencyKey === "" || source !== "replay") return false;
  // Of the id only the beginning tells the time, which is the original's.
  const timeDigits = "00000000-0000-".length;
  return id.slice(timeDigits) === replayId(originalId, idempotencyKey, 0).slice(timeDigits);
}

/** The webhook is kept: what it starts is told apart by it. */
function replayOf({ seq, receivedAtUs, ...record }: EventRecord, id: string, onlyTrigger: string): NewEventRecord {
  return { ...record, id, source: "replay", replayOf: record.id, onlyTrigger };
}

/** Ids of the events to publish again, the oldest first. */
async function originalIds(request: ReplayEventsRequest, triggers: TriggerStore, limits: Limits): Promise<string[]> {
  const { eventIds, filter } = request;
  if (filter !== undefined && eventIds.length > 0)
    throw invalidField("filter", "is given beside event_ids: give one of them");
  if (filter === undefined && eventIds.length === 0)
    throw invalidField("event_ids", "is empty, and there is no filter");
  checkLimit("max_events", request.maxEvents, limits.maxEventsPerRequest, "events");
  const maxEvents = request.maxEvents || DEFAULT_MAX_EVENTS;
  const found = filter
    ? await matchingEvents(request, triggers, { limits, maxEvents })
    : await namedEvents(request, triggers, limits);
  checkLimit("max_events", found.length, maxEvents, "events");
  return found.toSorted((a, b) => a.seq - b.seq).map(({ id }) => id);
}

type EventPlace = Pick<EventRecord, "id" | "seq">;

async function namedEvents(
  { eventIds }: ReplayEventsRequest,
  triggers: TriggerStore,
  limits: Limits,
): Promise<EventPlace[]> {
  checkLimit("event_ids", eventIds.length, MAX_IDS, "ids");
  for (const [index, id] of eventIds.entries()) requiredText(`event_ids[${index}]`, id, limits.maxNameBytes);
  const found = new Map<string, EventPlace>();
  let part: readonly EventRecord[] = [];
  for (let start = 0; start < eventIds.length; ) {
    const wanted = eventIds.slice(start, start + nextPartSize(part));
    part = await triggers.getEvents(wanted);
    for (const { id, seq } of part) found.set(id, { id, seq });
    start += wanted.length;
  }
  const missing = eventIds.findIndex((id) => !found.has(id));
  if (missing !== -1) throw eventNotFound(eventIds[missing] ?? "", `event_ids[${missing}]`);
  return [...found.values()];
}

/** Stops at more than `maxEvents`: who looks sees that there are too many. */
async function matchingEvents(
  { filter, idempotencyKey }: ReplayEventsRequest,
  triggers: TriggerStore,
  { limits, maxEvents }: { limits: Limits; maxEvents: number },
): Promise<EventPlace[]> {
  const query = toEventQuery(filter, limits);
  const found: EventPlace[] = [];
  for await (const part of eventParts(triggers, query)) {
    const originals = part.filter((record) => !isReplayUnder(idempotencyKey, record));
    found.push(...originals.map(({ id, seq }) => ({ id, seq })));
    if (found.length > maxEvents) break;
  }
  return found;
}
