import {
  type Baggage,
  type BaggageEntry,
  baggageEntryMetadataFromString,
  type Context,
  context,
  createTraceState,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { formatTraceparent, parseTraceparent } from "@spanloom/protocol";

/**
 * W3C trace context as plain text, to be carried in message metadata, HTTP headers or environment variables.
 *
 * The active context is read directly, so that it works whether or not a propagator is registered.
 * Source: W3C Trace Context level 2, W3C Baggage.
 */
export interface TraceCarrier {
  /** `traceparent` value. */
  traceparent: string;
  /** `tracestate` value; absent when empty. */
  tracestate?: string;
  /** `baggage` value; absent when empty. */
  baggage?: string;
}

/** Anything headers can be read from: a plain object as Node and message brokers have it, or a Headers. */
export type HeaderSource =
  | { readonly [name: string]: string | Uint8Array | readonly (string | Uint8Array)[] | undefined }
  | Headers;

const LOWEST = {
  headers: ["traceparent", "tracestate", "baggage"],
  environment: ["TRACEPARENT", "TRACESTATE", "BAGGAGE"],
};

/** A carrier that starts a new trace, for callers without OpenTelemetry. */
export function createCarrier(sampled = true): TraceCarrier {
  const hex = (bytes: number): string => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
  return { traceparent: formatTraceparent({ traceId: hex(16), spanId: hex(8), sampled }) };
}

/** The carrier of the active span, or of `from`; undefined when there is no span. */
export function activeCarrier(from: Context = context.active()): TraceCarrier | undefined {
  const span = trace.getSpanContext(from);
  if (!span || !trace.isSpanContextValid(span)) return undefined;
  const tracestate = span.traceState?.serialize();
  const baggage = formatBaggage(propagation.getBaggage(from));
  return {
    traceparent: formatTraceparent({
      traceId: span.traceId,
      spanId: span.spanId,
      sampled: (span.traceFlags & TraceFlags.SAMPLED) !== 0,
    }),
    ...(tracestate && { tracestate }),
    ...(baggage && { baggage }),
  };
}

/** The OpenTelemetry context a carrier describes, on top of `base`; a malformed traceparent gives `base` itself. */
export function contextOfCarrier(carrier: TraceCarrier, base: Context = ROOT_CONTEXT): Context {
  const ids = parseTraceparent(carrier.traceparent);
  if (!ids) return base;
  const span: SpanContext = {
    traceId: ids.traceId,
    spanId: ids.spanId,
    traceFlags: ids.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(carrier.tracestate && { traceState: createTraceState(carrier.tracestate) }),
  };
  const withSpan = trace.setSpanContext(base, span);
  const baggage = carrier.baggage ? parseBaggage(carrier.baggage) : undefined;
  return baggage ? propagation.setBaggage(withSpan, baggage) : withSpan;
}

/**
 * Writes a carrier, by default the active one, into HTTP headers or message metadata; returns the same object.
 *
 * A trace context that is there goes, in any spelling and with all its parts; it stays when there is none to write.
 */
export function injectHeaders(
  headers: Record<string, string>,
  carrier: TraceCarrier | undefined = activeCarrier(),
): Record<string, string> {
  if (carrier) for (const name of Object.keys(headers)) if (isTraceHeader(name)) delete headers[name];
  return write(headers, LOWEST.headers, carrier);
}

/** Reads a carrier from HTTP headers or message metadata; undefined when there is no valid traceparent. */
export function extractHeaders(headers: HeaderSource): TraceCarrier | undefined {
  const lower = headers instanceof Headers ? undefined : lowerCased(headers);
  return read(LOWEST.headers, (name) =>
    headers instanceof Headers ? (headers.get(name) ?? undefined) : lower!.get(name),
  );
}

/** The `traceparent` of the active span, or of `from`; undefined when there is no span. */
export function createTraceparent(from: Context = context.active()): string | undefined {
  return activeCarrier(from)?.traceparent;
}

/**
 * A copy of metadata, e.g. a job's tags, with the active trace context: {@link injectHeaders}, the original left alone.
 *
 * Without an active span it is a plain copy.
 */
export function injectTraceparent(metadata: Readonly<Record<string, string>> = {}): Record<string, string> {
  return injectHeaders({ ...metadata });
}

/**
 * The trace context in metadata, ready for the option `trace` of a submission: {@link extractHeaders} by the name that
 * goes with {@link injectTraceparent}.
 */
export function extractTraceparent(metadata: HeaderSource): TraceCarrier | undefined {
  return extractHeaders(metadata);
}

/**
 * Writes a carrier, by default the active one, into environment variables for a child process; returns the same object.
 *
 * A trace context that is there goes, with all its parts; it stays when there is none to write.
 * Example: `spawn("tool", { env: injectEnvironment({ ...process.env }) })`.
 * Source: OpenTelemetry, environment variables as context propagation carriers: TRACEPARENT, TRACESTATE, BAGGAGE.
 */
export function injectEnvironment<Environment extends Record<string, string | undefined>>(
  environment: Environment,
  carrier: TraceCarrier | undefined = activeCarrier(),
): Environment {
  return write(environment, LOWEST.environment, carrier);
}

/** Reads a carrier from environment variables, e.g. `process.env`; undefined when there is no valid TRACEPARENT. */
export function extractEnvironment(environment: Record<string, string | undefined>): TraceCarrier | undefined {
  return read(LOWEST.environment, (name) => environment[name]);
}

function write<Target extends Record<string, string | undefined>>(
  target: Target,
  names: readonly string[],
  carrier: TraceCarrier | undefined,
): Target {
  if (!carrier) return target;
  const values = [carrier.traceparent, carrier.tracestate, carrier.baggage];
  names.forEach((name, index) => {
    if (values[index]) Object.assign(target, { [name]: values[index] });
    else delete target[name];
  });
  return target;
}

/** Whether a header or an entry of metadata is part of the trace context. */
export function isTraceHeader(name: string): boolean {
  return LOWEST.headers.includes(name.toLowerCase());
}

function read(names: readonly string[], get: (name: string) => string | undefined): TraceCarrier | undefined {
  const [traceparent, tracestate, baggage] = names.map(get);
  if (!traceparent || !parseTraceparent(traceparent)) return undefined;
  return { traceparent: traceparent.trim(), ...(tracestate && { tracestate }), ...(baggage && { baggage }) };
}

function lowerCased(headers: Exclude<HeaderSource, Headers>): Map<string, string> {
  const lower = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || value === null) continue;
    lower.set(name.toLowerCase(), Array.isArray(value) ? value.map(textOf).join(",") : textOf(value));
  }
  return lower;
}

/** Brokers give header values as bytes. */
function textOf(value: unknown): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
}

function formatBaggage(baggage: Baggage | undefined): string {
  const members = baggage?.getAllEntries().map(([key, entry]) => {
    const metadata = entry.metadata?.toString();
    return `${encodeURIComponent(key)}=${encodeURIComponent(entry.value)}${metadata ? `;${metadata}` : ""}`;
  });
  return members?.join(",") ?? "";
}

function parseBaggage(text: string): Baggage | undefined {
  const entries: Record<string, BaggageEntry> = {};
  for (const member of text.split(",")) {
    const [pair = "", ...properties] = member.split(";");
    const at = pair.indexOf("=");
    if (at <= 0) continue;
    const metadata = properties.map((property) => property.trim()).join(";");
    entries[decode(pair.slice(0, at).trim())] = {
      value: decode(pair.slice(at + 1).trim()),
      ...(metadata && { metadata: baggageEntryMetadataFromString(metadata) }),
    };
  }
  return Object.keys(entries).length > 0 ? propagation.createBaggage(entries) : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign is data, not a reason to lose the member.
    return text;
  }
}
