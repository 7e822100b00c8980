import type { RecordBatch } from "apache-arrow";
import type { ChunkBatches } from "../read-arrow.ts";
import type { LogColumn, SpanColumn } from "../schema.ts";
import { otlpLogs } from "./otlp-logs.ts";
import { otlpResource, otlpScope } from "./otlp-resource.ts";
import { otlpSpans } from "./otlp-spans.ts";
import { cellsOf } from "./row-cells.ts";

/**
 * Spans and logs as OTLP's JSON, as any OTLP/HTTP endpoint takes them: values keep their types, records their resource
 * and scope.
 *
 * Source: opentelemetry.io/docs/specs/otlp JSON Protobuf Encoding; OTLP File Exporter for the form by lines.
 */

/** Records of one message of a file by lines, and grouped at a time. */
const RECORDS_PER_PIECE = 512;

const sharedColumns = [
  "trace_id",
  "span_id",
  "scope_name",
  "scope_version",
  "flags",
  "attributes",
  "attribute_types",
  "resource_attributes",
  "dropped_attributes",
  "resource_attribute_types",
  "scope_attributes",
  "scope_attribute_types",
  "resource_schema_url",
  "scope_schema_url",
  "resource_dropped_attributes",
  "scope_dropped_attributes",
] as const;

/** Columns an export of spans needs. */
export const otlpSpanColumns: readonly SpanColumn[] = [
  ...sharedColumns,
  "parent_span_id",
  "name",
  "kind",
  "start_time",
  "duration_ns",
  "status",
  "status_message",
  "trace_state",
  "events",
  "links",
  "dropped_events",
  "dropped_links",
];

/** Columns an export of log records needs. */
export const otlpLogColumns: readonly LogColumn[] = [
  ...sharedColumns,
  "time",
  "observed_time",
  "severity_number",
  "severity",
  "body",
  "body_type",
  "event_name",
];

/** What a kind of record is called in OTLP, and how one is written. */
interface Signal {
  readonly resources: string;
  readonly scopes: string;
  readonly records: string;
  readonly write: (batch: RecordBatch) => (row: number) => string;
}

const spans: Signal = { resources: "resourceSpans", scopes: "scopeSpans", records: "spans", write: otlpSpans };
const logs: Signal = { resources: "resourceLogs", scopes: "scopeLogs", records: "logRecords", write: otlpLogs };

/** One JSON document, an export request. */
export async function* encodeOtlp(streams: AsyncIterable<ChunkBatches>): AsyncGenerator<string, void, undefined> {
  let opening: string | undefined;
  for await (const { schema, batches } of streams) {
    const signal = schema.names.includes("severity_number") ? logs : spans;
    opening ??= `{"${signal.resources}":[`;
    for (const batch of batches) {
      for (const group of grouped(batch, signal)) {
        yield `${opening}\n${group}`;
        opening = ",";
      }
    }
    if (opening !== ",") yield opening;
    opening = ",";
  }
  if (opening !== undefined) yield "\n]}\n";
}

/** One export request a line, each small enough to be sent by itself. */
export async function* encodeOtlpLines(streams: AsyncIterable<ChunkBatches>): AsyncGenerator<string, void, undefined> {
  for await (const { schema, batches } of streams) {
    const signal = schema.names.includes("severity_number") ? logs : spans;
    for (const batch of batches) {
      for (const group of grouped(batch, signal)) yield `{"${signal.resources}":[${group}]}\n`;
    }
  }
}

/** Records of a batch by resource and scope, some hundred at a time, as JSON of what the array of resources holds. */
function* grouped(batch: RecordBatch, signal: Signal): Generator<string> {
  const cells = cellsOf(batch);
  const [resourceOf, scopeOf, recordOf] = [otlpResource(cells), otlpScope(cells), signal.write(batch)];
  for (let from = 0; from < batch.numRows; from += RECORDS_PER_PIECE) {
    const resources = new Map<string, Map<string, string[]>>();
    for (let row = from; row < Math.min(from + RECORDS_PER_PIECE, batch.numRows); row++) {
      const scopes = entryOf(resources, resourceOf(row), () => new Map<string, string[]>());
      entryOf(scopes, scopeOf(row), () => []).push(recordOf(row));
    }
    yield [...resources].map(([resource, scopes]) => resourceJson(resource, scopes, signal)).join(",");
  }
}

function resourceJson(resource: string, scopes: ReadonlyMap<string, string[]>, signal: Signal): string {
  const parts = [...scopes].map(([scope, records]) => `{${scope},"${signal.records}":[${records.join(",")}]}`);
  return `{${resource},"${signal.scopes}":[${parts.join(",")}]}`;
}

function entryOf<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
