import type { TelemetryBatch } from "@spanloom/exporter";
import { hexToBytes } from "@spanloom/protocol";
import type {
  InstrumentationScope,
  LogRecord,
  Resource,
  ResourceLogs,
  ResourceSpans,
  ScopeLogs,
  ScopeSpans,
  Span,
} from "@spanloom/protocol/otlp";
import type { RecordBatch } from "apache-arrow";
import { type Cells, cellsOf } from "./cells.ts";
import { toAnyValue } from "./otlp-value.ts";

/**
 * Rows of the store as OTLP's messages: what was sent in, under the resource and scope it came with.
 *
 * Messages are written as they are declared, without the library's `create`, which takes most of the time otherwise.
 */

const kinds = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const statuses = ["UNSET", "OK", "ERROR"];
const NO_PARENT = "0".repeat(16);
const NO_TRACE = "0".repeat(32);
const none = new Uint8Array();

/** Rows `rows` of a batch of spans. */
export function spansToOtlp(batch: RecordBatch, rows: readonly number[]): TelemetryBatch {
  const cells = cellsOf(batch);
  const groups = groupBy(cells, rows, spanOf(cells));
  const resourceSpans = groups.map(
    ({ resource, schemaUrl, byKey }): ResourceSpans => ({
      $typeName: "opentelemetry.proto.trace.v1.ResourceSpans",
      resource,
      schemaUrl,
      scopeSpans: Array.from(
        byKey.values(),
        ({ scope, schemaUrl: url, records }): ScopeSpans => ({
          $typeName: "opentelemetry.proto.trace.v1.ScopeSpans",
          scope,
          schemaUrl: url,
          spans: records,
        }),
      ),
    }),
  );
  return {
    traces: { $typeName: "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest", resourceSpans },
  };
}

/** Rows `rows` of a batch of log records. */
export function logsToOtlp(batch: RecordBatch, rows: readonly number[]): TelemetryBatch {
  const cells = cellsOf(batch);
  const groups = groupBy(cells, rows, logOf(cells));
  const resourceLogs = groups.map(
    ({ resource, schemaUrl, byKey }): ResourceLogs => ({
      $typeName: "opentelemetry.proto.logs.v1.ResourceLogs",
      resource,
      schemaUrl,
      scopeLogs: Array.from(
        byKey.values(),
        ({ scope, schemaUrl: url, records }): ScopeLogs => ({
          $typeName: "opentelemetry.proto.logs.v1.ScopeLogs",
          scope,
          schemaUrl: url,
          logRecords: records,
        }),
      ),
    }),
  );
  return { logs: { $typeName: "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest", resourceLogs } };
}

interface OfScope<Item> {
  scope: InstrumentationScope;
  schemaUrl: string;
  records: Item[];
}

interface OfResource<Item> {
  resource: Resource;
  schemaUrl: string;
  byKey: Map<bigint, OfScope<Item>>;
}

/** Records by resource and scope, which the store tells apart by a number each. */
function groupBy<Item>(
  cells: Cells,
  rows: readonly number[],
  recordOf: (row: number) => Item,
): readonly OfResource<Item>[] {
  const [resourceKey, scopeKey] = [cells.long("resource_key"), cells.long("scope_key")];
  const [resourceOf, scopeOf] = [resourceReader(cells), scopeReader(cells)];
  const groups = new Map<bigint, OfResource<Item>>();
  for (const row of rows) {
    const group = entryOf(groups, resourceKey(row), () => ({ ...resourceOf(row), byKey: new Map() }));
    entryOf(group.byKey, scopeKey(row), () => ({ ...scopeOf(row), records: [] })).records.push(recordOf(row));
  }
  return [...groups.values()];
}

function entryOf<Value>(map: Map<bigint, Value>, key: bigint, make: () => Value): Value {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

/** Reads the resource of a row. */
export function resourceReader(cells: Cells) {
  const [attributes, dropped] = [cells.attributes("resource_"), cells.count("resource_dropped_attributes")];
  const schemaUrl = cells.text("resource_schema_url");
  return (row: number): { resource: Resource; schemaUrl: string } => ({
    resource: {
      $typeName: "opentelemetry.proto.resource.v1.Resource",
      attributes: attributes(row),
      droppedAttributesCount: dropped(row),
    },
    schemaUrl: schemaUrl(row),
  });
}

/** Reads the scope of a row. */
export function scopeReader(cells: Cells) {
  const [attributes, dropped] = [cells.attributes("scope_"), cells.count("scope_dropped_attributes")];
  const [name, version, schemaUrl] = [
    cells.text("scope_name"),
    cells.text("scope_version"),
    cells.text("scope_schema_url"),
  ];
  return (row: number): { scope: InstrumentationScope; schemaUrl: string } => ({
    scope: {
      $typeName: "opentelemetry.proto.common.v1.InstrumentationScope",
      name: name(row),
      version: version(row),
      attributes: attributes(row),
      droppedAttributesCount: dropped(row),
    },
    schemaUrl: schemaUrl(row),
  });
}

function spanOf(cells: Cells): (row: number) => Span {
  const [trace, span, parent] = [cells.text("trace"), cells.text("span"), cells.text("parent")];
  return spanReader(cells, {
    trace: (row) => hexToBytes(trace(row)),
    span: (row) => hexToBytes(span(row)),
    parent: (row) => (parent(row) === NO_PARENT ? none : hexToBytes(parent(row))),
  });
}

/** How a row's ids are read; `parent` is empty where there is none. */
export type SpanIds = Readonly<Record<"trace" | "span" | "parent", (row: number) => Uint8Array>>;

/** Reads a row of ended spans as OTLP's message. */
export function spanReader(cells: Cells, { trace, span, parent }: SpanIds): (row: number) => Span {
  const [traceState, flags, name, kind] = [
    cells.text("trace_state"),
    cells.count("flags"),
    cells.text("name"),
    cells.text("kind"),
  ];
  const [start, lasted] = [cells.long("start_time"), cells.long("duration_ns")];
  const [attributes, events, links] = [cells.attributes(), eventsOf(cells), linksOf(cells)];
  const [dropped, droppedEvents, droppedLinks] = [
    cells.count("dropped_attributes"),
    cells.count("dropped_events"),
    cells.count("dropped_links"),
  ];
  const [status, message] = [cells.text("status"), cells.text("status_message")];
  return (row) => ({
    $typeName: "opentelemetry.proto.trace.v1.Span",
    traceId: trace(row),
    spanId: span(row),
    parentSpanId: parent(row),
    traceState: traceState(row),
    flags: flags(row),
    name: name(row),
    kind: indexIn(kinds, kind(row)),
    startTimeUnixNano: start(row),
    endTimeUnixNano: start(row) + lasted(row),
    attributes: attributes(row),
    droppedAttributesCount: dropped(row),
    events: events(row),
    droppedEventsCount: droppedEvents(row),
    links: links(row),
    droppedLinksCount: droppedLinks(row),
    status: {
      $typeName: "opentelemetry.proto.trace.v1.Status",
      code: indexIn(statuses, status(row)),
      message: message(row),
    },
  });
}

/** The number of an enum's value that the store names. */
function indexIn<Value extends number>(names: readonly string[], name: string): Value {
  return Math.max(0, names.indexOf(name)) as Value;
}

function eventsOf(cells: Cells): (row: number) => Span["events"] {
  return cells.list("events", (items) => {
    const [time, name, attributes] = [items.long("time"), items.text("name"), items.attributes()];
    const dropped = items.count("dropped_attributes");
    return (item) => ({
      $typeName: "opentelemetry.proto.trace.v1.Span.Event",
      timeUnixNano: time(item),
      name: name(item),
      attributes: attributes(item),
      droppedAttributesCount: dropped(item),
    });
  });
}

/** Reads the links of a row. */
export function linksOf(cells: Cells): (row: number) => Span["links"] {
  return cells.list("links", (items) => {
    const [trace, span, traceState] = [items.text("trace_id"), items.text("span_id"), items.text("trace_state")];
    const [attributes, flags, dropped] = [items.attributes(), items.count("flags"), items.count("dropped_attributes")];
    return (item) => ({
      $typeName: "opentelemetry.proto.trace.v1.Span.Link",
      traceId: hexToBytes(trace(item)),
      spanId: hexToBytes(span(item)),
      traceState: traceState(item),
      attributes: attributes(item),
      droppedAttributesCount: dropped(item),
      flags: flags(item),
    });
  });
}

function logOf(cells: Cells): (row: number) => LogRecord {
  const [time, observed] = [cells.long("time"), cells.long("observed_time")];
  const [severityNumber, severity] = [cells.count("severity_number"), cells.text("severity")];
  const [body, bodyType, eventName] = [cells.text("body"), cells.text("body_type"), cells.text("event_name")];
  const [trace, span, flags] = [cells.text("trace"), cells.text("span"), cells.count("flags")];
  const [attributes, dropped] = [cells.attributes(), cells.count("dropped_attributes")];
  return (row) => ({
    $typeName: "opentelemetry.proto.logs.v1.LogRecord",
    timeUnixNano: time(row),
    observedTimeUnixNano: observed(row),
    severityNumber: severityNumber(row) as LogRecord["severityNumber"],
    severityText: severity(row),
    body: toAnyValue(body(row), bodyType(row)),
    attributes: attributes(row),
    droppedAttributesCount: dropped(row),
    flags: flags(row),
    traceId: trace(row) === NO_TRACE ? none : hexToBytes(trace(row)),
    spanId: span(row) === NO_PARENT ? none : hexToBytes(span(row)),
    eventName: eventName(row),
  });
}
