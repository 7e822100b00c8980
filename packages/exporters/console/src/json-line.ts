import { attributesToJson, enumName, valueToJson } from "@spanloom/exporter";
import { bytesToHex } from "@spanloom/protocol";
import { type LogRecord, type Resource, type Span, Span_SpanKind, Status_StatusCode } from "@spanloom/protocol/otlp";

/** A span as one line of JSON, its fields named as in Spanloom's query schema. */
export function spanJson(span: Span, resource: Resource | undefined): string {
  return JSON.stringify({
    trace_id: bytesToHex(span.traceId),
    span_id: bytesToHex(span.spanId),
    parent_span_id: span.parentSpanId.byteLength === 0 ? null : bytesToHex(span.parentSpanId),
    name: span.name,
    kind: enumName(Span_SpanKind, span.kind),
    start_time: formatTime(span.startTimeUnixNano),
    end_time: formatTime(span.endTimeUnixNano),
    duration_ns: Number(span.endTimeUnixNano - span.startTimeUnixNano),
    status: enumName(Status_StatusCode, span.status?.code ?? 0),
    status_message: span.status?.message ?? "",
    attributes: attributesToJson(span.attributes),
    resource_attributes: attributesToJson(resource?.attributes ?? []),
    events: span.events.map((event) => ({
      time: formatTime(event.timeUnixNano),
      name: event.name,
      attributes: attributesToJson(event.attributes),
    })),
    links: span.links.map((link) => ({
      trace_id: bytesToHex(link.traceId),
      span_id: bytesToHex(link.spanId),
      attributes: attributesToJson(link.attributes),
    })),
  });
}

/** A log record as one line of JSON, its fields named as in Spanloom's query schema. */
export function logJson(record: LogRecord, resource: Resource | undefined): string {
  return JSON.stringify({
    time: formatTime(record.timeUnixNano),
    trace_id: record.traceId.byteLength === 0 ? null : bytesToHex(record.traceId),
    span_id: record.spanId.byteLength === 0 ? null : bytesToHex(record.spanId),
    severity_number: record.severityNumber,
    severity: record.severityText,
    body: valueToJson(record.body),
    attributes: attributesToJson(record.attributes),
    resource_attributes: attributesToJson(resource?.attributes ?? []),
  });
}

/** Epoch nanoseconds as RFC 3339 in UTC, nanoseconds kept. */
export function formatTime(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, -5);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, "0")}Z`;
}
