import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import type { TelemetryBatch } from "@spanloom/exporter";
import { ExportLogsServiceRequestSchema, ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";

/** A record of OTLP's JSON, as far as it differs from that of Protocol Buffers. */
interface RecordJson {
  traceId?: string;
  spanId?: string;
  parentSpanId?: string;
  links?: RecordJson[];
  startTimeUnixNano?: string;
  timeUnixNano?: string;
}

/** A request in OTLP's JSON. */
interface RequestJson {
  resourceSpans?: { scopeSpans?: { spans?: RecordJson[] }[] }[];
  resourceLogs?: { scopeLogs?: { logRecords?: RecordJson[] }[] }[];
}

/** What one line of OTLP's JSON holds. */
export interface ReadTelemetry {
  batch: TelemetryBatch;
  records: number;
  /** The latest start of a span, or time of a log record, in epoch nanoseconds. */
  lastNs: bigint;
}

/** A request in OTLP's JSON as its message: ids there are hexadecimal, where Protocol Buffers' JSON has base64. */
export function readOtlp(line: string): ReadTelemetry {
  const request = JSON.parse(line) as RequestJson;
  const spans = (request.resourceSpans ?? []).flatMap(({ scopeSpans = [] }) =>
    scopeSpans.flatMap((scope) => scope.spans ?? []),
  );
  const logs = (request.resourceLogs ?? []).flatMap(({ scopeLogs = [] }) =>
    scopeLogs.flatMap((scope) => scope.logRecords ?? []),
  );
  const records = [...spans, ...logs];
  let lastNs = 0n;
  for (const record of records) {
    recode(record);
    for (const link of record.links ?? []) recode(link);
    const ns = BigInt(record.startTimeUnixNano ?? record.timeUnixNano ?? 0);
    if (ns > lastNs) lastNs = ns;
  }
  const json = request as unknown as JsonValue;
  const batch = request.resourceSpans
    ? { traces: fromJson(ExportTraceServiceRequestSchema, json) }
    : { logs: fromJson(ExportLogsServiceRequestSchema, json) };
  return { batch, records: records.length, lastNs };
}

const ids = ["traceId", "spanId", "parentSpanId"] as const;

function recode(record: RecordJson): void {
  for (const name of ids) {
    const hex = record[name];
    if (hex) record[name] = Buffer.from(hex, "hex").toString("base64");
  }
}
