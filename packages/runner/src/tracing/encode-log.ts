import type { Attributes } from "@opentelemetry/api";
import type { LogSeverity } from "@spanloom/sdk";
import { isError } from "../error-stack.ts";
import { toTaskFailure } from "../failure.ts";
import { writeAnyValue, writeAttributes } from "./encode-attributes.ts";
import type { ProtoWriter } from "./proto-writer.ts";

/** Severities as OpenTelemetry numbers them. */
const severityNumbers: Record<LogSeverity, number> = { TRACE: 1, DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17, FATAL: 21 };

/** One log record. */
export interface LogToWrite {
  /** When it happened. */
  timeUs: number;
  /** Nanoseconds after that, below 1,000. */
  tieNs?: number;
  /** How bad it is. */
  severity: LogSeverity;
  /** What happened. */
  body: unknown;
  /** Facts. */
  attributes: object | undefined;
  /** What kind of event it is. */
  eventName?: string | undefined;
  /** Active span; ids in hex. */
  span: { traceId: string; spanId: string; traceFlags: number };
}

/** Writes the fields of an OTLP LogRecord. Source: proto/opentelemetry/proto/logs/v1/logs.proto LogRecord. */
export function writeLog(writer: ProtoWriter, log: LogToWrite): void {
  const seconds = Math.floor(log.timeUs / 1e6);
  const nanos = Math.round((log.timeUs - seconds * 1e6) * 1000) + (log.tieNs ?? 0);
  writer.fixed64Time(1, seconds, nanos);
  writer.uint(2, severityNumbers[log.severity] ?? 0);
  writer.string(3, String(log.severity));
  writeAnyValue(writer, 5, log.body);
  const { attributes } = log;
  if (isError(attributes)) writeAttributes(writer, 6, exceptionAttributes(attributes));
  else if (typeof attributes === "object" && attributes !== null) writeAttributes(writer, 6, attributes);
  writer.fixed32(8, log.span.traceFlags);
  writer.hex(9, log.span.traceId);
  writer.hex(10, log.span.spanId);
  writer.fixed64Time(11, seconds, nanos);
  if (log.eventName !== undefined) writer.string(12, String(log.eventName));
}

function exceptionAttributes(error: Error): Attributes {
  const { type, message, stack } = toTaskFailure(error);
  return { "exception.type": type, "exception.message": message, "exception.stacktrace": stack };
}
