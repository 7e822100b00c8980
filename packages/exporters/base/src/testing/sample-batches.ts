import { create } from "@bufbuild/protobuf";
import { ExportLogsServiceRequestSchema, ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import type { TelemetryBatch } from "../exporter.ts";

/** A batch of spans with these names, of one resource and scope. */
export function spanBatch(...names: string[]): TelemetryBatch {
  const spans = names.map((name) => ({ name, traceId: new Uint8Array(16).fill(1) }));
  return { traces: create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] }) };
}

/** A batch of log records with these bodies. */
export function logBatch(...bodies: string[]): TelemetryBatch {
  const logRecords = bodies.map((body) => ({ body: { value: { case: "stringValue" as const, value: body } } }));
  return { logs: create(ExportLogsServiceRequestSchema, { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }) };
}

/** Names of the spans of a batch, in order. */
export function spanNames({ traces }: TelemetryBatch): string[] {
  return (traces?.resourceSpans ?? []).flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)),
  );
}
