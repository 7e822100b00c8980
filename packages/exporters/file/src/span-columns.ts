import { attributesToJson, enumName, valueToJson } from "@spanloom/exporter";
import { attributeNames, bytesToHex } from "@spanloom/protocol";
import {
  type InstrumentationScope,
  type KeyValue,
  type LogRecord,
  type Resource,
  type Span,
  Span_SpanKind,
  Status_StatusCode,
} from "@spanloom/protocol/otlp";
import type { Column, ColumnKind, Columns } from "./parquet-schema.ts";

/** A record, and whose it is. */
export interface Owned<Item> {
  readonly item: Item;
  readonly resource: Resource | undefined;
  readonly scope: InstrumentationScope | undefined;
}

function column<Source>(kind: ColumnKind, value: (source: Source) => unknown): Column<Source> {
  return { kind, value };
}

/** Columns of spans, named as in Spanloom's query schema; nested values are JSON. */
export const spanColumns: Columns<Owned<Span>> = {
  trace_id: column("text", ({ item }) => idOf(item.traceId)),
  span_id: column("text", ({ item }) => idOf(item.spanId)),
  parent_span_id: column("text", ({ item }) => idOf(item.parentSpanId)),
  trace_state: column("text", ({ item }) => item.traceState),
  flags: column("int64", ({ item }) => BigInt(item.flags)),
  name: column("text", ({ item }) => item.name),
  kind: column("text", ({ item }) => enumName(Span_SpanKind, item.kind)),
  start_time: column("time", ({ item }) => timeOf(item.startTimeUnixNano)),
  end_time: column("time", ({ item }) => timeOf(item.endTimeUnixNano)),
  duration_ns: column("int64", ({ item }) => BigInt.asIntN(64, item.endTimeUnixNano - item.startTimeUnixNano)),
  status: column("text", ({ item }) => enumName(Status_StatusCode, item.status?.code ?? 0)),
  status_message: column("text", ({ item }) => item.status?.message ?? ""),
  span_type: column("text", ({ item }) => textOf(item.attributes, attributeNames.spanType)),
  outcome: column("text", ({ item }) => textOf(item.attributes, attributeNames.outcome)),
  ...originColumns(),
  attributes: column("json", ({ item }) => attributesToJson(item.attributes)),
  resource_attributes: column("json", ({ resource }) => attributesToJson(resource?.attributes ?? [])),
  events: column("json", ({ item }) =>
    item.events.map(({ name, timeUnixNano, attributes }) => ({
      time_unix_nano: String(timeUnixNano),
      name,
      attributes: attributesToJson(attributes),
    })),
  ),
  links: column("json", ({ item }) =>
    item.links.map(({ traceId, spanId, attributes }) => ({
      trace_id: idOf(traceId),
      span_id: idOf(spanId),
      attributes: attributesToJson(attributes),
    })),
  ),
};

/** Columns of log records, named as in Spanloom's query schema; nested values are JSON. */
export const logColumns: Columns<Owned<LogRecord>> = {
  time: column("time", ({ item }) => timeOf(item.timeUnixNano || item.observedTimeUnixNano)),
  observed_time: column("time", ({ item }) => timeOf(item.observedTimeUnixNano)),
  trace_id: column("text", ({ item }) => idOf(item.traceId)),
  span_id: column("text", ({ item }) => idOf(item.spanId)),
  severity_number: column("int32", ({ item }) => item.severityNumber),
  severity: column("text", ({ item }) => item.severityText),
  body: column("json", ({ item }) => valueToJson(item.body)),
  ...originColumns(),
  attributes: column("json", ({ item }) => attributesToJson(item.attributes)),
  resource_attributes: column("json", ({ resource }) => attributesToJson(resource?.attributes ?? [])),
};

function originColumns(): Columns<Owned<Span | LogRecord>> {
  const text = (name: string) => column<Owned<Span | LogRecord>>("text", ({ item }) => textOf(item.attributes, name));
  return {
    job_id: text(attributeNames.jobId),
    job_name: text(attributeNames.jobName),
    task_id: text(attributeNames.taskId),
    task_name: text(attributeNames.taskName),
    attempt: column("int64", ({ item }) => intOf(item.attributes, attributeNames.taskAttempt)),
    queue: text(attributeNames.queue),
    runner_id: text(attributeNames.runnerId),
    service_name: column("text", ({ resource }) => textOf(resource?.attributes ?? [], "service.name")),
    scope_name: column("text", ({ scope }) => scope?.name ?? ""),
    scope_version: column("text", ({ scope }) => scope?.version ?? ""),
  };
}

function idOf(id: Uint8Array): string | null {
  return id.byteLength === 0 ? null : bytesToHex(id);
}

/** No time is null; one beyond what 63 bits hold, in the year 2262, wraps around, as it does in Arrow. */
function timeOf(ns: bigint): bigint | null {
  return ns === 0n ? null : BigInt.asIntN(64, ns);
}

function textOf(attributes: readonly KeyValue[], name: string): string | null {
  const value = attributes.find(({ key }) => key === name)?.value?.value;
  return value?.case === "stringValue" ? value.value : null;
}

function intOf(attributes: readonly KeyValue[], name: string): bigint | null {
  const value = attributes.find(({ key }) => key === name)?.value?.value;
  return value?.case === "intValue" ? value.value : null;
}
