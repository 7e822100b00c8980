import { writeAnyValue, writeAttributes } from "./encode-attributes.ts";
import type { ProtoWriter } from "./proto-writer.ts";

/** Severities of `ctx.log`, as OpenTelemetry numbers them. */
export const severities = { DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17 } as const;

/** Name of a severity. */
export type Severity = keyof typeof severities;

/** One log record. */
export interface LogToWrite {
  /** When it happened. */
  timeUs: number;
  /** How bad it is. */
  severity: Severity;
  /** What happened. */
  body: unknown;
  /** Facts. */
  attributes: object | undefined;
  /** Active span; ids in hex. */
  span: { traceId: string; spanId: string; traceFlags: number };
}

/** Writes the fields of an OTLP LogRecord. Source: proto/opentelemetry/proto/logs/v1/logs.proto LogRecord. */
export function writeLog(writer: ProtoWriter, log: LogToWrite): void {
  const seconds = Math.floor(log.timeUs / 1e6);
  const nanos = Math.round((log.timeUs - seconds * 1e6) * 1000);
  writer.fixed64Time(1, seconds, nanos);
  writer.uint(2, severities[log.severity]);
  writer.string(3, log.severity);
  writeAnyValue(writer, 5, log.body);
  if (log.attributes) writeAttributes(writer, 6, log.attributes);
  writer.fixed32(8, log.span.traceFlags);
  writer.hex(9, log.span.traceId);
  writer.hex(10, log.span.spanId);
  writer.fixed64Time(11, seconds, nanos);
}
