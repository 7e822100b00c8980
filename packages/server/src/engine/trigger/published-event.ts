import { isUtf8 } from "node:buffer";
import {
  boundedBaggage,
  boundedTracestate,
  isUuid,
  type Limits,
  type NewEvent,
  originOf,
  parseTraceparent,
  type TraceContext,
} from "@spanloom/protocol";
import type { NewEventRecord } from "../../store/trigger-store.ts";
import { boundedText, checkLimit, invalidField, requiredText } from "../field.ts";
import { isNestedTooDeep, MAX_JSON_DEPTH } from "../json-depth.ts";
import { checkPublishedKey } from "./key-pattern.ts";

/** What a published event is judged by besides itself. */
export interface PublishContext {
  /** Of the publisher, for events that bring none. */
  trace: TraceContext | undefined;
  /** Id for an event that has none. */
  newId: () => string;
  limits: Limits;
}

const NULL = Buffer.from("null");

/** An event to keep, and the job from within which it is published, if its publisher says so. */
export interface PublishedEvent {
  record: NewEventRecord;
  publisherJobId: string | undefined;
}

/** Metadata that is no fact of the event: where its publisher stands. */
const TRACE_KEYS = new Set(["traceparent", "tracestate", "baggage"]);

/**
 * Validates an event that somebody publishes, and fills in its defaults; `field` is where it stands in the request.
 *
 * Its depth is 0: how deep the publisher's job is, is for the caller to find out.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED, naming the field. A malformed traceparent is ignored.
 * Source: proto/spanloom/v1/event_service.proto NewEvent.
 */
export function toPublishedEvent(
  event: NewEvent,
  field: string,
  { trace, newId, limits }: PublishContext,
): PublishedEvent {
  checkPublishedKey(event.key, `${field}.key`);
  checkPayload(event.payload, `${field}.payload`, limits);
  const { metadata, own } = splitMetadata(event.metadata);
  checkMetadata(metadata, `${field}.metadata`, limits);
  const context = own.traceparent === undefined ? trace : own;
  const record: NewEventRecord = {
    id: event.id === "" ? newId() : requiredText(`${field}.id`, event.id, limits.maxNameBytes),
    key: event.key,
    payload: event.payload.length === 0 ? NULL : event.payload,
    metadata,
    trace: boundedTrace(context),
    source: "published",
    webhook: "",
    replayOf: "",
    onlyTrigger: "",
    depth: 0,
  };
  return { record, publisherJobId: jobOf(context?.tracestate) };
}

function checkPayload(payload: Uint8Array, field: string, { maxEventBytes }: Limits): void {
  checkLimit(field, payload.length, maxEventBytes, "bytes");
  if (payload.length === 0) return;
  if (!isUtf8(payload)) throw invalidField(field, "is no UTF-8, as JSON is");
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
  if (text.length > MAX_JSON_DEPTH && isNestedTooDeep(text))
    throw invalidField(field, `is nested deeper than ${MAX_JSON_DEPTH}`);
  try {
    JSON.parse(text);
  } catch (error) {
    throw invalidField(field, `is no JSON: ${(error as Error).message}`);
  }
}

/** The job that a tracestate names. It is for callers to write whatever they like. */
function jobOf(tracestate: string | undefined): string | undefined {
  const jobId = tracestate ? originOf(tracestate)?.jobId : undefined;
  return jobId !== undefined && isUuid(jobId) ? jobId : undefined;
}

type OwnTrace = Partial<Record<"traceparent" | "tracestate" | "baggage", string>>;

function splitMetadata(all: Readonly<Record<string, string>>): { metadata: Record<string, string>; own: OwnTrace } {
  const isTrace = (key: string): boolean => TRACE_KEYS.has(key.toLowerCase());
  const entries = Object.entries(all);
  return {
    metadata: Object.fromEntries(entries.filter(([key]) => !isTrace(key))),
    own: Object.fromEntries(entries.filter(([key]) => isTrace(key)).map(([key, value]) => [key.toLowerCase(), value])),
  };
}

function checkMetadata(metadata: Readonly<Record<string, string>>, field: string, limits: Limits): void {
  const entries = Object.entries(metadata);
  checkLimit(field, entries.length, limits.maxEventMetadata, "entries");
  for (const [key, value] of entries) {
    requiredText(`${field} key`, key, limits.maxNameBytes);
    boundedText(`${field}[${JSON.stringify(key)}]`, value, limits.maxEventMetadataBytes);
  }
}

function boundedTrace(context: OwnTrace | undefined): NewEventRecord["trace"] {
  const { traceparent = "", tracestate = "", baggage = "" } = context ?? {};
  // As W3C Trace Context 3.2.4 asks: without a parent there is no state of it.
  const isValid = parseTraceparent(traceparent) !== undefined;
  return {
    traceparent: isValid ? traceparent : "",
    tracestate: isValid ? boundedTracestate(tracestate) : "",
    baggage: boundedBaggage(baggage),
  };
}
