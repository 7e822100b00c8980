import { fromBinary } from "@bufbuild/protobuf";
import type { Telemetry } from "@spanloom/protocol";
import {
  type AnyValue,
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  type InstrumentationScope,
  type KeyValue,
  type LogRecord,
  type Resource,
  type Span,
  Span_SpanKindSchema,
  SpanFlags,
  Status_StatusCodeSchema,
} from "@spanloom/protocol/otlp";
import type { Json, JsonObject } from "../cases/template.ts";

/** Spans and log records of a request as cases see them, each with its trace. */
export interface DecodedTelemetry {
  spans: { traceId: string; record: JsonObject }[];
  logs: { traceId: string; record: JsonObject }[];
}

/** Decodes what came with a request. Errors: whatever protobuf's runtime throws for bytes that are no OTLP. */
export function decodeTelemetry(telemetry: Pick<Telemetry, "traces" | "logs"> | undefined): DecodedTelemetry {
  const spans = (telemetry?.traces ?? [])
    .flatMap((bytes) => fromBinary(ExportTraceServiceRequestSchema, bytes).resourceSpans)
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ scope, spans: all }) => all.map((span) => ({ span, origin: originOf(resource, scope) }))),
    );
  const logs = (telemetry?.logs ?? [])
    .flatMap((bytes) => fromBinary(ExportLogsServiceRequestSchema, bytes).resourceLogs)
    .flatMap(({ resource, scopeLogs }) =>
      scopeLogs.flatMap(({ scope, logRecords }) =>
        logRecords.map((log) => ({ log, origin: originOf(resource, scope) })),
      ),
    );
  return {
    spans: spans.map(({ span, origin }) => ({
      traceId: hex(span.traceId),
      record: { ...spanRecord(span), ...origin },
    })),
    logs: logs.map(({ log, origin }) => ({ traceId: hex(log.traceId), record: { ...logRecord(log), ...origin } })),
  };
}

/** A span as cases see it: ids in hexadecimal, attributes as a map, names of kind and status without their prefixes. */
export function spanRecord(span: Span): JsonObject {
  return {
    name: span.name,
    trace_id: hex(span.traceId),
    span_id: hex(span.spanId),
    parent_span_id: hex(span.parentSpanId),
    trace_state: span.traceState,
    sampled: (span.flags & 1) === 1,
    parent_is_remote: (span.flags & SpanFlags.CONTEXT_IS_REMOTE_MASK) !== 0,
    kind: Span_SpanKindSchema.value[span.kind]?.localName ?? span.kind,
    start_ns: String(span.startTimeUnixNano),
    end_ns: String(span.endTimeUnixNano),
    open: span.endTimeUnixNano === 0n,
    attributes: attributeMap(span.attributes),
    events: span.events.map(({ name, timeUnixNano, attributes }) => ({
      name,
      time_ns: String(timeUnixNano),
      attributes: attributeMap(attributes),
    })),
    links: span.links.map(({ traceId, spanId, attributes }) => ({
      trace_id: hex(traceId),
      span_id: hex(spanId),
      attributes: attributeMap(attributes),
    })),
    status: {
      code: Status_StatusCodeSchema.value[span.status?.code ?? 0]?.localName ?? "",
      message: span.status?.message ?? "",
    },
  };
}

function logRecord(log: LogRecord): JsonObject {
  return {
    body: toJsonValue(log.body),
    severity_number: log.severityNumber,
    severity_text: log.severityText,
    event_name: log.eventName,
    trace_id: hex(log.traceId),
    span_id: hex(log.spanId),
    time_ns: String(log.timeUnixNano),
    attributes: attributeMap(log.attributes),
  };
}

function originOf(resource: Resource | undefined, scope: InstrumentationScope | undefined): JsonObject {
  return {
    resource: attributeMap(resource?.attributes ?? []),
    scope: { name: scope?.name ?? "", version: scope?.version ?? "" },
  };
}

/** Attributes by name. */
function attributeMap(attributes: readonly KeyValue[]): JsonObject {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, toJsonValue(value)]));
}

/** A value as JSON; a double says so (`{double: 2}`), as JSON has one kind of number. */
function toJsonValue(value: AnyValue | undefined): Json {
  const kind = value?.value;
  switch (kind?.case) {
    case "stringValue":
    case "boolValue":
      return kind.value;
    case "intValue":
      return Number(kind.value);
    case "doubleValue":
      return { double: kind.value };
    case "arrayValue":
      return kind.value.values.map(toJsonValue);
    case "kvlistValue":
      return attributeMap(kind.value.values);
    case "bytesValue":
      return { bytes: Buffer.from(kind.value).toString("base64") };
    default:
      return null;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
