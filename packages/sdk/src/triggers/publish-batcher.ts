import { create } from "@bufbuild/protobuf";
import type { Client as RpcClient } from "@connectrpc/connect";
import {
  defaultLimits,
  type EventService,
  type NewEvent,
  PublishEventsRequestSchema,
  type PublishEventsResponse,
  SpanloomError,
} from "@spanloom/protocol";
import type { Caller } from "../call.ts";
import type { TraceCarrier } from "../carrier.ts";
import { chunksOf } from "../chunks.ts";
import { eventBytes } from "./event-to-publish.ts";

/**
 * Sends events in as few requests as can be.
 *
 * I1. Every event has an id, so repeating a request never makes a second one.
 * I2. Events of one call are sent in order, a request after the other is answered.
 * I3. Single events published in the same turn of the event loop share a request; one that is refused spoils no other.
 */
export class PublishBatcher {
  readonly #service: RpcClient<typeof EventService>;
  readonly #call: Caller;
  #pending: PendingEvent[] = [];

  constructor(service: RpcClient<typeof EventService>, call: Caller) {
    this.#service = service;
    this.#call = call;
  }

  /** Publishes one event, together with others of this turn. */
  publish(event: NewEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#pending.push({ event, bytes: eventBytes(event), resolve, reject }) === 1)
        setImmediate(() => this.#flush());
    });
  }

  /**
   * Publishes events whose publisher has the trace context `trace` unless their metadata say otherwise; resolves with how
   * many were there already. When a request fails, those after it are not sent.
   */
  async publishAll(events: readonly NewEvent[], trace?: TraceCarrier): Promise<number> {
    const sized = events.map((event) => ({ event, bytes: eventBytes(event) }));
    let existed = 0;
    for (const chunk of chunksOf(sized, CHUNK))
      existed += (
        await this.#send(
          chunk.map(({ event }) => event),
          trace,
        )
      ).existed;
    return existed;
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const chunk of chunksOf(pending, CHUNK)) void this.#sendPending(chunk);
  }

  async #sendPending(chunk: readonly PendingEvent[]): Promise<void> {
    try {
      await this.#send(chunk.map(({ event }) => event));
      for (const { resolve } of chunk) resolve();
    } catch (error) {
      // A request is refused as a whole. Only by itself can an event be told from its neighbours (I3).
      if (chunk.length > 1 && isRefusal(error)) for (const one of chunk) await this.#sendPending([one]);
      else for (const { reject } of chunk) reject(error);
    }
  }

  #send(events: NewEvent[], trace?: TraceCarrier): Promise<PublishEventsResponse> {
    const context = trace && { trace: { tracestate: "", baggage: "", ...trace } };
    const request = create(PublishEventsRequestSchema, { events, ...context });
    return this.#call((options) => this.#service.publishEvents(request, options));
  }
}

interface PendingEvent {
  event: NewEvent;
  bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** What a request holds: half of what a server reads, and no more events than keep its main thread for some 30 ms. */
const CHUNK = { maxCount: 5_000, maxBytes: defaultLimits.maxRequestBytes / 2 };

function isRefusal(error: unknown): boolean {
  return error instanceof SpanloomError && (error.reason === "INVALID_FIELD" || error.reason === "LIMIT_EXCEEDED");
}
