import { fromBinary } from "@bufbuild/protobuf";
import { bytesToHex } from "@spanloom/protocol";
import {
  type AnyValue,
  ExportLogsServiceRequestSchema,
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
  type KeyValue,
} from "@spanloom/protocol/otlp";

/** A span as tests look at it. */
export interface PlainSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  scope: string;
  statusCode: number;
  open: boolean;
  attributes: Record<string, unknown>;
  resource: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
}

/** A log record as tests look at it. */
export interface PlainLog {
  timeNs: bigint;
  body: unknown;
  severity: string;
  severityNumber: number;
  eventName: string;
  traceId: string;
  spanId: string;
  attributes: Record<string, unknown>;
}

/** Spans of requests that were decoded: who waits for the last of many looks at them all again and again. */
const decoded = new WeakMap<Uint8Array, readonly PlainSpan[]>();

/** All spans in OTLP requests, in order. */
export function spansIn(requests: readonly Uint8Array[]): PlainSpan[] {
  return requests.flatMap((bytes) => {
    const spans = decoded.get(bytes) ?? spansOf(fromBinary(ExportTraceServiceRequestSchema, bytes));
    decoded.set(bytes, spans);
    return spans;
  });
}

/** All spans of an OTLP request. */
export function spansOf({ resourceSpans }: ExportTraceServiceRequest): PlainSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        name: span.name,
        traceId: bytesToHex(span.traceId),
        spanId: bytesToHex(span.spanId),
        parentSpanId: bytesToHex(span.parentSpanId),
        traceState: span.traceState,
        scope: scope?.name ?? "",
        statusCode: span.status?.code ?? 0,
        open: span.endTimeUnixNano === 0n,
        attributes: plainMap(span.attributes),
        resource: plainMap(resource?.attributes ?? []),
        events: span.events.map(({ name, attributes }) => ({ name, attributes: plainMap(attributes) })),
      })),
    ),
  );
}

/** All log records in OTLP requests, in order. */
export function logsIn(requests: readonly Uint8Array[]): PlainLog[] {
  const groups = requests.flatMap((bytes) => fromBinary(ExportLogsServiceRequestSchema, bytes).resourceLogs);
  return groups.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(
        ({ timeUnixNano, body, severityText, severityNumber, eventName, traceId, spanId, attributes }) => ({
          timeNs: timeUnixNano,
          body: plain(body),
          severity: severityText,
          severityNumber,
          eventName,
          traceId: bytesToHex(traceId),
          spanId: bytesToHex(spanId),
          attributes: plainMap(attributes),
        }),
      ),
    ),
  );
}

/** Attributes by name; whole numbers come as bigint, doubles as number. */
export function plainMap(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

/** A value as plain JavaScript. */
export function plain(value: AnyValue | undefined): unknown {
  const kind = value?.value;
  if (kind?.case === "arrayValue") return kind.value.values.map(plain);
  if (kind?.case === "kvlistValue") return plainMap(kind.value.values);
  return kind?.value;
}
