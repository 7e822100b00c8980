import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ExportLogsServiceRequestSchema,
  type ExportLogsServiceResponse,
  ExportLogsServiceResponseSchema,
  ExportTraceServiceRequestSchema,
  type ExportTraceServiceResponse,
  ExportTraceServiceResponseSchema,
} from "@spanloom/protocol/otlp";
import { HttpPoster } from "./http-poster.ts";
import { logsAnswerFromJson, logsToJson, tracesAnswerFromJson, tracesToJson } from "./otlp-json.ts";
import type { OtlpTarget } from "./otlp-options.ts";
import { type LogsSender, type TracesSender, takenBut } from "./sender.ts";

/**
 * OTLP over HTTP, with Protocol Buffers or JSON.
 *
 * Source: OpenTelemetry Protocol specification, OTLP/HTTP.
 */

/** Sends spans over HTTP. */
export function httpTracesSender(target: OtlpTarget, nowMs: () => number): TracesSender {
  const asJson = target.protocol === "http/json";
  const poster = new HttpPoster(target, contentTypeOf(target), nowMs);
  return {
    async send(request) {
      const outcome = await poster.post(
        asJson
          ? Buffer.from(JSON.stringify(tracesToJson(request)))
          : toBinary(ExportTraceServiceRequestSchema, request),
      );
      if ("failure" in outcome) return outcome.failure;
      const partial = lenient(() => tracesAnswer(outcome).partialSuccess);
      return takenBut("traces", partial && { rejected: partial.rejectedSpans, message: partial.errorMessage });
    },
    close: () => poster.close(),
  };
}

/** Sends log records over HTTP. */
export function httpLogsSender(target: OtlpTarget, nowMs: () => number): LogsSender {
  const asJson = target.protocol === "http/json";
  const poster = new HttpPoster(target, contentTypeOf(target), nowMs);
  return {
    async send(request) {
      const outcome = await poster.post(
        asJson ? Buffer.from(JSON.stringify(logsToJson(request))) : toBinary(ExportLogsServiceRequestSchema, request),
      );
      if ("failure" in outcome) return outcome.failure;
      const partial = lenient(() => logsAnswer(outcome).partialSuccess);
      return takenBut("logs", partial && { rejected: partial.rejectedLogRecords, message: partial.errorMessage });
    },
    close: () => poster.close(),
  };
}

function contentTypeOf({ protocol }: OtlpTarget): string {
  return protocol === "http/json" ? "application/json" : "application/x-protobuf";
}

/** An answer is read by what it says it is: some endpoints answer protobuf with JSON. */
interface Answer {
  readonly body: Buffer;
  readonly contentType: string;
}

function tracesAnswer({ body, contentType }: Answer): ExportTraceServiceResponse {
  return isJson(contentType)
    ? tracesAnswerFromJson(body.toString("utf8"))
    : fromBinary(ExportTraceServiceResponseSchema, body);
}

function logsAnswer({ body, contentType }: Answer): ExportLogsServiceResponse {
  return isJson(contentType)
    ? logsAnswerFromJson(body.toString("utf8"))
    : fromBinary(ExportLogsServiceResponseSchema, body);
}

function isJson(contentType: string): boolean {
  return /^application\/json\b/i.test(contentType);
}

/** Some endpoints answer a success with text or nothing: it is a success all the same. */
function lenient<Message>(decode: () => Message | undefined): Message | undefined {
  try {
    return decode();
  } catch {
    // Nothing can be known of what it refused, and sending again would double what it took.
    return undefined;
  }
}
