import { setImmediate as nextTurn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type EventService,
  GetEventResponseSchema,
  type IdGenerator,
  type Limits,
  type ListEventsRequest,
  ListEventsResponseSchema,
  type PublishEventsRequest,
  PublishEventsResponseSchema,
} from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import { checkLimit, invalidField, requiredText } from "../engine/field.ts";
import { EventBacklog } from "../engine/trigger/event-backlog.ts";
import { type PublishedEvent, toPublishedEvent } from "../engine/trigger/published-event.ts";
import type { Store } from "../store/store.ts";
import type { EventRecord, TriggerStore } from "../store/trigger-store.ts";
import { toEvent } from "./event-message.ts";
import { eventParts } from "./event-pages.ts";
import { eventNotFound, toEventQuery } from "./event-query.ts";
import { tellJobStates } from "./firing-message.ts";
import { OriginDepths } from "./origin-depths.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { replayEvents } from "./replay-events.ts";
import { pageSizeField } from "./request-field.ts";

/** What the calls of events need. */
export interface EventCallOptions {
  store: Pick<Store, "getJobs" | "jobStates" | "triggers">;
  triggers: TriggerStore;
  ids: Pick<IdGenerator, "next">;
  clock: Clock;
  limits: Limits;
}

/** Those calls of EventService that are about events. */
export type EventCalls = Pick<
  ServiceImpl<typeof EventService>,
  "publishEvents" | "getEvent" | "listEvents" | "replayEvents"
>;

/** EventService's calls about events, over a store that keeps them. */
export function eventCalls(options: EventCallOptions): EventCalls {
  const origins = new OriginDepths(options.store);
  const backlog = new EventBacklog({ triggers: options.triggers, nowUs: () => options.clock.nowUs() });
  return {
    async publishEvents(request) {
      await backlog.check();
      return publishEvents(request, options, origins);
    },
    getEvent: ({ eventId }) => getEvent(eventId, options),
    listEvents: (request) => listEvents(request, options),
    async replayEvents(request) {
      await backlog.check();
      return replayEvents(request, options);
    },
  };
}

/** Events validated before others are let in: JSON is parsed at some 200 MB a second. */
const EVENTS_PER_TURN = 500;

async function publishEvents(request: PublishEventsRequest, options: EventCallOptions, origins: OriginDepths) {
  const { triggers, ids, limits } = options;
  const count = request.events.length;
  if (count === 0) throw invalidField("events", "is empty");
  checkLimit("events", count, limits.maxEventsPerRequest, "events");
  const context = { trace: request.trace, newId: () => ids.next(), limits };
  const published: PublishedEvent[] = [];
  for (const [index, event] of request.events.entries()) {
    if (index % EVENTS_PER_TURN === EVENTS_PER_TURN - 1) await nextTurn();
    published.push(toPublishedEvent(event, `events[${index}]`, context));
  }
  // An event that is published from within a job is as deep as that.
  const depths = await origins.ofJobs(published.map(({ publisherJobId }) => publisherJobId));
  const events = published.map(({ record }, index) => ({ ...record, depth: depths[index]! }));
  const existed = await triggers.publish(events);
  return create(PublishEventsResponseSchema, {
    eventIds: events.map(({ id }) => id),
    existed: existed.filter(Boolean).length,
  });
}

/** Firings shown with an event: one for each trigger that it matched. */
const MAX_FIRINGS = 1_000;

async function getEvent(id: string, { triggers, store, limits }: EventCallOptions) {
  const eventId = requiredText("event_id", id, limits.maxNameBytes);
  const [record] = await triggers.getEvents([eventId]);
  if (!record) throw eventNotFound(eventId, "event_id");
  const matchedSeq = await triggers.matchedSeq();
  const firings = await triggers.listFirings({ eventId }, { limit: MAX_FIRINGS });
  const event = toEvent(record, matchedSeq, firings);
  await tellJobStates(store, event.firings);
  return create(GetEventResponseSchema, { event });
}

async function listEvents(request: ListEventsRequest, { triggers, limits }: EventCallOptions) {
  const limit = pageSizeField(request.pageSize, limits);
  const query = toEventQuery(request.filter, limits);
  const position = decodePageToken(request.pageToken, "events", query);
  const after = position === undefined ? undefined : Number(position);
  const { page, isLast } = await pageOf(eventParts(triggers, query, after), limit, limits.maxResponseBytes);
  const matchedSeq = await triggers.matchedSeq();
  return create(ListEventsResponseSchema, {
    events: page.map((record) => toEvent(record, matchedSeq)),
    nextPageToken: isLast ? "" : encodePageToken("events", query, String(page.at(-1)?.seq)),
  });
}

/** As many events as fit an answer, at most `limit` and at least one. */
async function pageOf(parts: AsyncIterable<readonly EventRecord[]>, limit: number, maxBytes: number) {
  const page: EventRecord[] = [];
  // A half is left for what is not payload.
  let room = maxBytes / 2;
  for await (const part of parts) {
    for (const record of part) {
      room -= record.payload.length;
      if (page.length === limit || (page.length > 0 && room < 0)) return { page, isLast: false };
      page.push(record);
    }
  }
  return { page, isLast: true };
}
