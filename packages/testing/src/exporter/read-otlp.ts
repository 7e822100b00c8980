import { fromBinary, fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { hexToBytes } from "@spanloom/protocol";
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "@spanloom/protocol/otlp";

/** How OTLP messages are written. */
export type OtlpEncoding = "protobuf" | "json";

/** Reads spans strictly; throws on anything OTLP does not say. */
export function readTraces(body: Uint8Array, encoding: OtlpEncoding): ExportTraceServiceRequest {
  if (encoding === "protobuf") return fromBinary(ExportTraceServiceRequestSchema, Uint8Array.from(body));
  return fromJson(ExportTraceServiceRequestSchema, strictJson(body));
}

/** Reads log records strictly, as {@link readTraces}. */
export function readLogs(body: Uint8Array, encoding: OtlpEncoding): ExportLogsServiceRequest {
  if (encoding === "protobuf") return fromBinary(ExportLogsServiceRequestSchema, Uint8Array.from(body));
  return fromJson(ExportLogsServiceRequestSchema, strictJson(body));
}

/** OTLP's JSON as that of Protocol Buffers: ids must be hex, enums numbers. */
function strictJson(body: Uint8Array): JsonValue {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  return JSON.parse(text, function (this: JsonObject, key, value: JsonValue) {
    if (key === "traceId") return idAsBase64(key, value, 32);
    if (key === "spanId" || key === "parentSpanId") return idAsBase64(key, value, 16);
    if (["kind", "severityNumber"].includes(key) && typeof value !== "number")
      throw new Error(`${key} ${JSON.stringify(value)} is not a number`);
    return value;
  }) as JsonValue;
}

function idAsBase64(key: string, value: JsonValue, digits: number): string {
  if (typeof value !== "string" || !new RegExp(`^([0-9a-f]{${digits}})?$`).test(value))
    throw new Error(`${key} ${JSON.stringify(value)} is not ${digits} hex digits`);
  return base64Encode(hexToBytes(value));
}
