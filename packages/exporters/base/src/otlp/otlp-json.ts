import { fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { bytesToHex } from "@spanloom/protocol";
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
  type ExportLogsServiceResponse,
  ExportLogsServiceResponseSchema,
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
  type ExportTraceServiceResponse,
  ExportTraceServiceResponseSchema,
} from "@spanloom/protocol/otlp";

/**
 * OTLP's JSON: that of Protocol Buffers, but for ids, which are hex, and enums, which are numbers.
 *
 * Source: OpenTelemetry Protocol specification, JSON Protobuf encoding.
 */

/** Spans as OTLP JSON. */
export function tracesToJson(request: ExportTraceServiceRequest): JsonObject {
  const json = toJson(ExportTraceServiceRequestSchema, request, { enumAsInteger: true }) as JsonObject;
  eachOf(json, ["resourceSpans", "scopeSpans", "spans"], (span) => {
    for (const key of ["traceId", "spanId", "parentSpanId"]) base64ToHex(span, key);
    eachOf(span, ["links"], (link) => {
      for (const key of ["traceId", "spanId"]) base64ToHex(link, key);
    });
  });
  return json;
}

/** Log records as OTLP JSON. */
export function logsToJson(request: ExportLogsServiceRequest): JsonObject {
  const json = toJson(ExportLogsServiceRequestSchema, request, { enumAsInteger: true }) as JsonObject;
  eachOf(json, ["resourceLogs", "scopeLogs", "logRecords"], (record) => {
    for (const key of ["traceId", "spanId"]) base64ToHex(record, key);
  });
  return json;
}

/** The answer to spans. Unknown fields are left out, as the specification asks. Throws what is not JSON of this form. */
export function tracesAnswerFromJson(text: string): ExportTraceServiceResponse {
  return fromJson(ExportTraceServiceResponseSchema, JSON.parse(text) as JsonValue, { ignoreUnknownFields: true });
}

/** The answer to log records, as {@link tracesAnswerFromJson}. */
export function logsAnswerFromJson(text: string): ExportLogsServiceResponse {
  return fromJson(ExportLogsServiceResponseSchema, JSON.parse(text) as JsonValue, { ignoreUnknownFields: true });
}

/** Calls back with each object at the end of a path of arrays. */
function eachOf(from: JsonObject, [key, ...rest]: readonly string[], call: (object: JsonObject) => void): void {
  for (const item of (from[key!] as JsonObject[] | undefined) ?? []) {
    if (rest.length > 0) eachOf(item, rest, call);
    else call(item);
  }
}

function base64ToHex(object: JsonObject, key: string): void {
  const value = object[key];
  if (typeof value === "string") object[key] = bytesToHex(base64Decode(value));
}
