import { fromBinary } from "@bufbuild/protobuf";
import { type AnyValue, ExportTraceServiceRequestSchema, type KeyValue, type Span } from "@spanloom/protocol/otlp";

/** The slow, obvious decoder that the fast one is compared with in tests: one object per span, through protobuf-es. */
export function referenceSpans(bytes: Uint8Array): Record<string, unknown>[] {
  return fromBinary(ExportTraceServiceRequestSchema, bytes).resourceSpans.flatMap(
    ({ resource, scopeSpans, schemaUrl }) =>
      scopeSpans.flatMap(({ scope, spans, ...ofScope }) =>
        spans.filter(isSound).map((span) => ({
          trace_id: hex(span.traceId),
          span_id: hex(span.spanId),
          parent_span_id: hex(span.parentSpanId) || "0".repeat(16),
          name: span.name,
          kind: ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"][span.kind] ?? "UNSPECIFIED",
          start_time: span.startTimeUnixNano,
          duration_ns: span.endTimeUnixNano === 0n ? -1n : span.endTimeUnixNano - span.startTimeUnixNano,
          status: ["UNSET", "OK", "ERROR"][span.status?.code ?? 0] ?? "UNSET",
          status_message: span.status?.message ?? "",
          service_name: serviceOf(resource?.attributes ?? []),
          scope_name: scope?.name ?? "",
          scope_version: scope?.version ?? "",
          resource_schema_url: schemaUrl,
          scope_schema_url: ofScope.schemaUrl,
          resource_dropped_attributes: resource?.droppedAttributesCount ?? 0,
          scope_dropped_attributes: scope?.droppedAttributesCount ?? 0,
          trace_state: span.traceState,
          flags: span.flags,
          ...maps("", span.attributes),
          ...maps("resource_", resource?.attributes ?? []),
          ...maps("scope_", scope?.attributes ?? []),
          events: span.events.map((event) => ({
            time: event.timeUnixNano,
            name: event.name,
            ...maps("", event.attributes),
            dropped_attributes: event.droppedAttributesCount,
          })),
          links: span.links.map((link) => ({
            trace_id: hex(link.traceId),
            span_id: hex(link.spanId),
            trace_state: link.traceState,
            ...maps("", link.attributes),
            flags: link.flags,
            dropped_attributes: link.droppedAttributesCount,
          })),
          dropped_attributes: span.droppedAttributesCount,
          dropped_events: span.droppedEventsCount,
          dropped_links: span.droppedLinksCount,
        })),
      ),
  );
}

function isSound(span: Span): boolean {
  const { traceId, spanId, parentSpanId, startTimeUnixNano: start, endTimeUnixNano: end } = span;
  if (traceId.length !== 16 || spanId.length !== 8 || (parentSpanId.length !== 0 && parentSpanId.length !== 8))
    return false;
  if (traceId.every((byte) => byte === 0) || spanId.every((byte) => byte === 0)) return false;
  return start > 0n && start < 2n ** 63n && end < 2n ** 63n && (end === 0n || end >= start);
}

function maps(prefix: string, attributes: readonly KeyValue[]): Record<string, unknown> {
  const typed = attributes.map(({ key, value }) => ({ key, ...textOf(value) }));
  return {
    [`${prefix}attributes`]: typed.map(({ key, text }) => [key, text]),
    [`${prefix}attribute_types`]: typesOf(typed),
  };
}

/** Types in the order in which it is known that they are needed. */
function typesOf(typed: readonly { key: string; type: string }[]): [string, string][] {
  const types: [string, string][] = [];
  for (const [i, { key, type }] of typed.entries()) {
    const isNamed = types.some(([name]) => name === key);
    if (type === "" && !isNamed) continue;
    if (!isNamed) for (const before of typed.slice(0, i)) if (before.key === key) types.push([key, ""]);
    types.push([key, type]);
  }
  return types;
}

function textOf(any: AnyValue | undefined): { text: string; type: string } {
  const value = any?.value;
  switch (value?.case) {
    case "stringValue":
      return { text: value.value, type: "" };
    case "boolValue":
      return { text: String(value.value), type: "bool" };
    case "intValue":
      return { text: String(value.value), type: "int" };
    case "doubleValue":
      return { text: Object.is(value.value, -0) ? "-0" : String(value.value), type: "double" };
    case "bytesValue":
      return { text: Buffer.from(value.value).toString("base64"), type: "bytes" };
    case "arrayValue":
      return { text: jsonOf(any), type: "array" };
    case "kvlistValue":
      return { text: jsonOf(any), type: "map" };
    default:
      return { text: "", type: "empty" };
  }
}

function jsonOf(any: AnyValue | undefined): string {
  const value = any?.value;
  switch (value?.case) {
    case "stringValue":
      return JSON.stringify(value.value);
    case "boolValue":
    case "intValue":
      return String(value.value);
    case "doubleValue": {
      if (!Number.isFinite(value.value)) return `{"$double":"${value.value}"}`;
      const { text } = textOf(any);
      return /[.e]/.test(text) ? text : `${text}.0`;
    }
    case "bytesValue":
      return `{"$bytes":"${textOf(any).text}"}`;
    case "arrayValue":
      return `[${value.value.values.map(jsonOf).join(",")}]`;
    case "kvlistValue":
      return `{${value.value.values.map((entry) => `${JSON.stringify(keyOf(entry.key))}:${jsonOf(entry.value)}`).join(",")}}`;
    default:
      return "null";
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function serviceOf(attributes: readonly KeyValue[]): string {
  const last = attributes.findLast(({ key }) => key === "service.name");
  return last ? textOf(last.value).text : "";
}

/** A key of a map, told apart from what marks bytes and odd doubles. */
function keyOf(key: string): string {
  return /^\$+(bytes|double)$/.test(key) ? `$${key}` : key;
}
