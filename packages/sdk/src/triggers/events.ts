import { type CallOptions, createClient, type Client as RpcClient } from "@connectrpc/connect";
import { attributeNames, EventService, EventSource, IdGenerator, SpanloomError } from "@spanloom/protocol";
import { type Caller, type CallRetryOptions, callerOf } from "../call.ts";
import { activeCarrier, extractHeaders, injectHeaders, type TraceCarrier } from "../carrier.ts";
import { type ClientCall, type ClientSpan, ClientSpans } from "../client-spans.ts";
import { timestampOf } from "../date-of.ts";
import { listPages } from "../list-pages.ts";
import type { Connection } from "../transport.ts";
import { type EventSnapshot, type EventSourceName, toEventSnapshot } from "./event-snapshot.ts";
import { type EventToPublish, toNewEvent } from "./event-to-publish.ts";
import { PublishBatcher } from "./publish-batcher.ts";

/** How an event is published. */
export interface PublishOptions extends Pick<EventToPublish, "id" | "metadata"> {
  /** Trace context of the publisher. Default: that of the active span; false sends none. */
  trace?: TraceCarrier | false;
}

/** How many events are published. */
export interface PublishManyOptions {
  /** Trace context of the publisher. Default: that of the active span; false sends none. */
  trace?: TraceCarrier | false;
  /** Whether the client makes one span for all events, or one for each. Default `batch`. */
  spans?: "batch" | "each";
}

/** Events that were published. */
export interface PublishedEvents {
  /** Their ids, in order. */
  ids: string[];
  /** How many were there already, by an earlier call or an earlier try of this one. */
  existed: number;
}

/** Which events; all given conditions must hold. */
export interface EventConditions {
  /** Keys that match this pattern, as a trigger's. */
  key?: string;
  /** Received at or after. */
  receivedAfter?: Date;
  /** Received before. */
  receivedBefore?: Date;
  /** Any of these sources. */
  sources?: readonly EventSourceName[];
  /** That came by this webhook. */
  webhook?: string;
}

/** Which events to list. */
export interface ListEventsOptions extends EventConditions {
  /** Most events to return. Default: all that are kept. */
  limit?: number;
}

/** How events are published again. */
export interface ReplayOptions {
  /** Only this trigger sees them again. Default: all. */
  trigger?: string;
  /** Refuse with LIMIT_EXCEEDED when there are more than this, 1..100,000. Default 1,000. */
  maxEvents?: number;
  /** The same key publishes an event again once. Default: a new random key. */
  idempotencyKey?: string;
}

/** How events are asked for. */
export interface EventsOptions {
  /** When a call that failed for a passing reason is made again. */
  retry?: CallRetryOptions | undefined;
  /** Whether publishing makes spans in the caller's trace. Default true. */
  tracing?: boolean | undefined;
}

/** Publishes events and shows what became of them. Made by a client. */
export class Events {
  readonly #service: RpcClient<typeof EventService>;
  readonly #call: Caller;
  readonly #batcher: PublishBatcher;
  readonly #spans: ClientSpans;
  readonly #ids = new IdGenerator();

  constructor(connection: Connection, { retry = {}, tracing }: EventsOptions = {}) {
    this.#service = createClient(EventService, connection.transport);
    this.#call = callerOf(connection.url, retry);
    this.#batcher = new PublishBatcher(this.#service, this.#call);
    this.#spans = new ClientSpans(connection.url, tracing);
  }

  /**
   * Publishes one event, and resolves with its id once the server has made it durable.
   *
   * Its publisher is the span of the call, below the active one, where the application has a tracer provider; else the
   * active span. Repeated on transient errors; the id, made here unless given, keeps that from making a second event.
   * Events published at the same time share a request.
   *
   * Errors: INVALID_FIELD, LIMIT_EXCEEDED (caller); OVERLOADED, STORE_UNAVAILABLE after five tries.
   */
  async publish(key: string, payload?: unknown, options: PublishOptions = {}): Promise<string> {
    const { id = this.#ids.next(), metadata = {}, trace } = options;
    return this.#spans.trace(publishCall({ key, metadata, id }, trace), async (span) => {
      const event = toNewEvent({ key, payload, metadata: withTrace(metadata, carrierOf(span, trace)) }, id);
      await this.#batcher.publish(event);
      return id;
    });
  }

  /**
   * Publishes events in order, in as few requests as can be; resolves when all are durable.
   *
   * A request is stored as a whole or not at all, and one that fails ends the call: those before it are there. To be able
   * to repeat the call without publishing these twice, give the events ids.
   *
   * One span stands for all of them, unless `spans` says otherwise. Errors: as of `publish`.
   */
  async publishMany(events: readonly EventToPublish[], options: PublishManyOptions = {}): Promise<PublishedEvents> {
    const { trace, spans = "batch" } = options;
    const named = events.map((event) => ({ ...event, id: event.id ?? this.#ids.next() }));
    const ids = named.map(({ id }) => id);
    if (named.length === 0) return { ids, existed: 0 };
    if (spans === "each") return { ids, existed: await this.#publishEach(named, trace) };
    return this.#spans.trace(batchCall(named, trace), async (span) => {
      const prepared = named.map((event) => toNewEvent(event, event.id));
      return { ids, existed: await this.#batcher.publishAll(prepared, carrierOf(span, trace)) };
    });
  }

  /** Returns an event with what it fired. Errors: EVENT_NOT_FOUND, also of one that is kept no longer. */
  async get(eventId: string): Promise<EventSnapshot> {
    const { event } = await this.#call((options) => this.#service.getEvent({ eventId }, options));
    if (event) return toEventSnapshot(event, true);
    throw new SpanloomError("INTERNAL", `cannot read event "${eventId}": the server answered without it`);
  }

  /** Lists events, newest first, page by page as they are read. */
  list({ limit = Number.POSITIVE_INFINITY, ...conditions }: ListEventsOptions = {}): AsyncGenerator<EventSnapshot> {
    const filter = toEventFilter(conditions);
    return listPages(limit, async (page) => {
      const call = (options: CallOptions) => this.#service.listEvents({ filter, ...page }, options);
      const { events, nextPageToken } = await this.#call(call);
      return { items: events.map((event) => toEventSnapshot(event, false)), nextPageToken };
    });
  }

  /**
   * Publishes kept events again, those named or those that fulfil conditions; resolves with the ids of the new events,
   * oldest original first.
   *
   * Repeated on transient errors under one idempotency key, so that a lost answer does no harm.
   *
   * Errors: EVENT_NOT_FOUND, TRIGGER_NOT_FOUND; LIMIT_EXCEEDED over `maxEvents`.
   */
  async replay(events: readonly string[] | EventConditions, options: ReplayOptions = {}): Promise<string[]> {
    const { trigger = "", maxEvents = 0, idempotencyKey = this.#ids.next() } = options;
    const which = isIds(events) ? { eventIds: [...events] } : { filter: toEventFilter(events) };
    const request = { ...which, trigger, maxEvents, idempotencyKey };
    const { eventIds } = await this.#call((call) => this.#service.replayEvents(request, call));
    return eventIds;
  }

  /** Publishes with a span for each event; all of them last until the last event is durable. */
  async #publishEach(events: readonly NamedEvent[], trace: TraceCarrier | false | undefined): Promise<number> {
    const prepared = events.map((event) => toNewEvent(event, event.id));
    const sent = Promise.withResolvers<number>();
    const spans = prepared.map((event) =>
      this.#spans.trace(publishCall(event, trace), (span) => {
        event.metadata = withTrace(event.metadata, carrierOf(span, trace));
        return sent.promise;
      }),
    );
    sent.resolve(this.#batcher.publishAll(prepared));
    await Promise.allSettled(spans);
    return sent.promise;
  }
}

type NamedEvent = EventToPublish & { id: string };

/** Links of one span; SDKs of OpenTelemetry keep no more unless told to. */
const MAX_LINKS = 128;

function publishCall({ key, id, metadata = {} }: NamedEvent, trace: TraceCarrier | false | undefined): ClientCall {
  const own = { [attributeNames.eventId]: id };
  return { operation: "publish", destination: key, eventId: id, own, links: contextsAmong([{ metadata }]), trace };
}

function batchCall(events: readonly NamedEvent[], trace: TraceCarrier | false | undefined): ClientCall {
  const [first] = events;
  const destination = events.every(({ key }) => key === first?.key) ? first?.key : undefined;
  return { operation: "publish", destination, count: events.length, links: contextsAmong(events), trace };
}

/** Trace contexts that events were given before; the span that publishes them links there. */
function contextsAmong(events: readonly Pick<EventToPublish, "metadata">[]): TraceCarrier[] {
  const found: TraceCarrier[] = [];
  for (const { metadata } of events) {
    const carrier = metadata && extractHeaders(metadata);
    if (carrier && found.push(carrier) === MAX_LINKS) break;
  }
  return found;
}

/** Trace context for what is published: that of the call's span, else the one given or active. */
function carrierOf(span: ClientSpan | undefined, given: TraceCarrier | false | undefined): TraceCarrier | undefined {
  return (span ? span.carrier : (given ?? activeCarrier())) || undefined;
}

/** Metadata with the publisher's trace context, unless they have one. */
function withTrace(metadata: Record<string, string>, carrier: TraceCarrier | undefined): Record<string, string> {
  return carrier && !extractHeaders(metadata) ? injectHeaders({ ...metadata }, carrier) : metadata;
}

function isIds(events: readonly string[] | EventConditions): events is readonly string[] {
  return Array.isArray(events);
}

function toEventFilter({ key = "", receivedAfter, receivedBefore, sources = [], webhook = "" }: EventConditions) {
  return {
    keyPattern: key,
    webhook,
    sources: sources.map((source) => EventSource[source]),
    ...(receivedAfter && { receivedAfter: timestampOf(receivedAfter)! }),
    ...(receivedBefore && { receivedBefore: timestampOf(receivedBefore)! }),
  };
}
