import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type HrTime, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { ProtobufLogsSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { describe, expect, it } from "vitest";
import { bytesToHex } from "./hex.ts";
import {
  ExportLogsServiceRequestSchema,
  ExportLogsServiceResponseSchema,
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
  SeverityNumber,
  Span_SpanKind,
  Status_StatusCode,
} from "./otlp.ts";

/** Wire compatibility with OTLP as the official OpenTelemetry packages speak it: our declarations are our own. */

const resource = resourceFromAttributes({ "service.name": "crawler" });
const startTime: HrTime = [1_769_821_323, 4];
const endTime: HrTime = [1_769_821_324, 999_999_999];

/** A span with everything a span can have, made by the official SDK. */
function officialSpan(): ReadableSpan {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const parent = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
  const link = { traceId: "5bf92f3577b34da6a3ce929d0e0e4736", spanId: "10f067aa0ba902b7", traceFlags: TraceFlags.NONE };
  const span = provider.getTracer("fetch", "1.2.3").startSpan(
    "GET /",
    {
      kind: SpanKind.CLIENT,
      startTime,
      attributes: { text: "x", yes: true, double: 0.5 },
      links: [{ context: link, attributes: { l: 1 } }],
    },
    parent,
  );
  span.setAttributes({ int: -7, list: ["a", "b"], numbers: [1, 2.5] });
  span.addEvent("walked", { files: 3 }, startTime);
  span.setStatus({ code: SpanStatusCode.ERROR, message: "500" });
  span.end(endTime);
  return exporter.getFinishedSpans()[0]!;
}

describe("OTLP traces", () => {
  it("decodes every field of a span that the official serializer wrote", () => {
    const official = officialSpan();
    const request = fromBinary(ExportTraceServiceRequestSchema, ProtobufTraceSerializer.serializeRequest([official])!);
    const [resourceSpans] = request.resourceSpans;
    expect(resourceSpans?.resource?.attributes).toMatchObject([
      { key: "service.name", value: { value: { case: "stringValue", value: "crawler" } } },
    ]);
    const [scopeSpans] = resourceSpans!.scopeSpans;
    expect(scopeSpans?.scope).toMatchObject({ name: "fetch", version: "1.2.3" });
    const [span] = scopeSpans!.spans;
    expect(span).toMatchObject({
      name: "GET /",
      kind: Span_SpanKind.CLIENT,
      startTimeUnixNano: 1_769_821_323_000_000_004n,
      endTimeUnixNano: 1_769_821_324_999_999_999n,
      status: { code: Status_StatusCode.ERROR, message: "500" },
      events: [{ name: "walked", timeUnixNano: 1_769_821_323_000_000_004n }],
    });
    expect(bytesToHex(span!.traceId)).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
    expect(bytesToHex(span!.spanId)).toBe(official.spanContext().spanId);
    expect(bytesToHex(span!.parentSpanId)).toBe("00f067aa0ba902b7");
    expect(bytesToHex(span!.links[0]!.spanId)).toBe("10f067aa0ba902b7");
    expect(span!.flags & 0xff).toBe(TraceFlags.SAMPLED);
    expect(Object.fromEntries(span!.attributes.map(({ key, value }) => [key, value?.value.case]))).toEqual({
      text: "stringValue",
      yes: "boolValue",
      double: "doubleValue",
      int: "intValue",
      list: "arrayValue",
      numbers: "arrayValue",
    });
  });

  it("knows every field that the official serializer wrote: nothing is left over as unknown", () => {
    const bytes = ProtobufTraceSerializer.serializeRequest([officialSpan()])!;
    const request = fromBinary(ExportTraceServiceRequestSchema, bytes, { readUnknownFields: true });
    expect(unknownFieldsIn(request)).toEqual([]);
    expect(fromBinary(ExportTraceServiceRequestSchema, toBinary(ExportTraceServiceRequestSchema, request))).toEqual(
      request,
    );
  });

  it("writes a partial success that the official client understands", () => {
    const bytes = toBinary(
      ExportTraceServiceResponseSchema,
      create(ExportTraceServiceResponseSchema, { partialSuccess: { rejectedSpans: 3n, errorMessage: "no id" } }),
    );
    expect(ProtobufTraceSerializer.deserializeResponse(bytes)).toMatchObject({
      partialSuccess: { rejectedSpans: 3, errorMessage: "no id" },
    });
  });
});

describe("OTLP logs", () => {
  const record = {
    hrTime: startTime,
    hrTimeObserved: endTime,
    severityNumber: 13,
    severityText: "WARN",
    body: { slow: [1, "x"] },
    eventName: "slow.request",
    attributes: { ms: 900, nested: { a: true } },
    droppedAttributesCount: 2,
    spanContext: {
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      spanId: "00f067aa0ba902b7",
      traceFlags: TraceFlags.SAMPLED,
    },
    resource,
    instrumentationScope: { name: "fetch" },
  };
  type LogRecords = Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0];

  it("decodes every field of a record that the official serializer wrote", () => {
    const bytes = ProtobufLogsSerializer.serializeRequest([record] as unknown as LogRecords)!;
    const request = fromBinary(ExportLogsServiceRequestSchema, bytes);
    const log = request.resourceLogs[0]!.scopeLogs[0]!.logRecords[0]!;
    expect(log).toMatchObject({
      timeUnixNano: 1_769_821_323_000_000_004n,
      observedTimeUnixNano: 1_769_821_324_999_999_999n,
      severityNumber: SeverityNumber.WARN,
      severityText: "WARN",
      eventName: "slow.request",
      droppedAttributesCount: 2,
      flags: TraceFlags.SAMPLED,
    });
    expect(log.body?.value.case).toBe("kvlistValue");
    expect(bytesToHex(log.traceId)).toBe(record.spanContext.traceId);
    expect(unknownFieldsIn(request)).toEqual([]);
  });

  it("writes a partial success that the official client understands", () => {
    const bytes = toBinary(
      ExportLogsServiceResponseSchema,
      create(ExportLogsServiceResponseSchema, { partialSuccess: { rejectedLogRecords: 2n, errorMessage: "too old" } }),
    );
    expect(ProtobufLogsSerializer.deserializeResponse(bytes)).toMatchObject({
      partialSuccess: { rejectedLogRecords: 2, errorMessage: "too old" },
    });
  });
});

/** Paths of messages that hold fields their declaration does not know. */
function unknownFieldsIn(value: unknown, at = "request"): string[] {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
  const unknown = "$unknown" in value && Array.isArray(value.$unknown) && value.$unknown.length > 0 ? [at] : [];
  return [
    ...unknown,
    ...Object.entries(value).flatMap(([key, inner]) =>
      key === "$unknown" ? [] : unknownFieldsIn(inner, `${at}.${key}`),
    ),
  ];
}
