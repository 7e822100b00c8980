import type { AnyValue, KeyValue, LogRecord, Span } from "@spanloom/protocol/otlp";
import type { TelemetryBatch } from "./exporter.ts";

/** How much a batch holds. */
export interface BatchSize {
  readonly spans: number;
  readonly logRecords: number;
  /** Estimate of what it takes on the wire, see {@link spanBytes}. */
  readonly bytes: number;
}

/** Measures a batch in one pass. */
export function batchSize(batch: TelemetryBatch): BatchSize {
  let spans = 0;
  let logRecords = 0;
  let bytes = 0;
  for (const { scopeSpans } of batch.traces?.resourceSpans ?? []) {
    for (const scope of scopeSpans) {
      spans += scope.spans.length;
      for (const span of scope.spans) bytes += spanBytes(span);
    }
  }
  for (const { scopeLogs } of batch.logs?.resourceLogs ?? []) {
    for (const scope of scopeLogs) {
      logRecords += scope.logRecords.length;
      for (const record of scope.logRecords) bytes += logRecordBytes(record);
    }
  }
  return { spans, logRecords, bytes };
}

const SPAN_FIXED_BYTES = 56;
const EVENT_FIXED_BYTES = 14;
const LINK_FIXED_BYTES = 30;
const LOG_FIXED_BYTES = 52;
const ATTRIBUTE_FIXED_BYTES = 8;

/**
 * Estimated size of a span on the wire, resource and scope aside.
 *
 * Text counts by UTF-16 units, so text beyond ASCII is underestimated by up to a factor of three. Encoding to learn the
 * exact size would cost as much as sending; the bounds this serves are about memory, not exact.
 */
export function spanBytes(span: Span): number {
  let bytes = SPAN_FIXED_BYTES + span.name.length + span.traceState.length + attributesBytes(span.attributes);
  bytes += span.status?.message.length ?? 0;
  for (const event of span.events) bytes += EVENT_FIXED_BYTES + event.name.length + attributesBytes(event.attributes);
  for (const link of span.links) bytes += LINK_FIXED_BYTES + link.traceState.length + attributesBytes(link.attributes);
  return bytes;
}

/** Estimated size of a log record on the wire, resource and scope aside. */
export function logRecordBytes(record: LogRecord): number {
  return LOG_FIXED_BYTES + record.severityText.length + valueBytes(record.body) + attributesBytes(record.attributes);
}

function attributesBytes(attributes: readonly KeyValue[]): number {
  let bytes = 0;
  for (const { key, value } of attributes) bytes += ATTRIBUTE_FIXED_BYTES + key.length + valueBytes(value);
  return bytes;
}

function valueBytes(value: AnyValue | undefined): number {
  switch (value?.value.case) {
    case "stringValue":
      return value.value.value.length;
    case "bytesValue":
      return value.value.value.byteLength;
    case "arrayValue":
      return value.value.value.values.reduce((sum, each) => sum + 2 + valueBytes(each), 0);
    case "kvlistValue":
      return attributesBytes(value.value.value.values);
    default:
      return 8;
  }
}
