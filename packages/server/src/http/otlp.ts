import { type DescMessage, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { hexToBytes, type Reason, SpanloomError } from "@spanloom/protocol";
import { ExportLogsServiceRequestSchema, ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { freeNow } from "../free-now.ts";
import type { OtlpPayload } from "../telemetry/telemetry.ts";
import { type HttpResponse, isGone } from "./http-response.ts";
import { encodeAnswer, type OtlpFormat, type OtlpOptions, retryAfterMs, toOtlpError } from "./otlp-answer.ts";
import { type HttpRequest, readBody } from "./request-body.ts";
import { traceHttp } from "./traced-call.ts";

/**
 * OTLP/HTTP: spans and logs from any OpenTelemetry SDK, as protobuf or JSON, plain or compressed.
 *
 * A request is answered with 200 once its payload is durable; records that were refused are told by partial success.
 *
 * Source: OTLP specification 1.x, section OTLP/HTTP.
 */

const contentTypes: Readonly<Record<OtlpFormat, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

const signals: Readonly<Record<string, OtlpPayload["signal"]>> = { "/v1/traces": "traces", "/v1/logs": "logs" };

/** HTTP status by reason; others are 500. OTLP clients try again on 503 and 429 and on nothing else of these. */
const statusByReason: Partial<Record<Reason, number>> = {
  INVALID_FIELD: 400,
  LIMIT_EXCEEDED: 413,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  OVERLOADED: 503,
  TELEMETRY_UNAVAILABLE: 503,
  SHUTTING_DOWN: 503,
};

/** Serves `/v1/traces` and `/v1/logs`; false when the path is neither. */
export function serveOtlp(path: string, request: HttpRequest, response: HttpResponse, options: OtlpOptions): boolean {
  const signal = signals[path];
  if (!signal) return false;
  const serve = () => serveSignal(signal, request, response, options);
  void (options.tracer ? traceHttp(options.tracer, path, { request, response }, serve) : serve());
  return true;
}

async function serveSignal(
  signal: OtlpPayload["signal"],
  request: HttpRequest,
  response: HttpResponse,
  options: OtlpOptions,
): Promise<SpanloomError | undefined> {
  const format = formatOf(request.headers["content-type"]);
  try {
    options.authorize(request.headers.authorization, `/v1/${signal}`);
    if (request.method !== "POST") return refuse(request, response, 405, "cannot take telemetry: use POST");
    if (!format)
      return refuse(
        request,
        response,
        415,
        `cannot take telemetry: content type "${request.headers["content-type"] ?? ""}" is neither ${contentTypes.protobuf} nor ${contentTypes.json}`,
      );
    const body = await readBody(request, options.maxRequestBytes);
    const { bytes, unreadableId } = format === "json" ? fromOtlpJson(signal, body) : { bytes: body };
    const outcome = await options.telemetry.ingest([{ signal, bytes }]);
    const message = unreadableId === undefined ? outcome.message : `${outcome.message}; ${unreadableId}`;
    respond(response, 200, format, encodeAnswer(signal, format, { ...outcome, message }));
    freeNow(bytes);
    return undefined;
  } catch (cause) {
    const error = toOtlpError(cause, options.log);
    sendError(request, response, format ?? "json", error);
    return error;
  }
}

function formatOf(contentType: string | undefined): OtlpFormat | undefined {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type === contentTypes.protobuf || type === "application/protobuf") return "protobuf";
  return type === contentTypes.json ? "json" : undefined;
}

/** A request in protobuf, and what is wrong with the first id in it that is not hex. */
interface ReadJson {
  bytes: Uint8Array;
  unreadableId?: string | undefined;
}

/** OTLP's JSON writes ids as hex, where protobuf's own JSON has base64. */
function fromOtlpJson(signal: OtlpPayload["signal"], body: Uint8Array): ReadJson {
  let unreadableId: string | undefined;
  const read = (key: string, value: unknown, context?: { source?: string }): unknown => {
    if (isIdKey(key)) {
      const bytes = idBytes(key, value);
      if (bytes) return Buffer.from(bytes).toString("base64");
      unreadableId ??= `${key} ${JSON.stringify(value)} is not pairs of hex digits`;
      return UNREADABLE_ID;
    }
    // What is left of a character that was cut in two is no text that protobuf can carry.
    if (typeof value === "string") return value.toWellFormed();
    return typeof value === "number" && !Number.isSafeInteger(value) ? exactNumber(value, context?.source) : value;
  };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    const json = JSON.parse(text, read) as JsonValue;
    const schema: DescMessage = signal === "traces" ? ExportTraceServiceRequestSchema : ExportLogsServiceRequestSchema;
    return { bytes: toBinary(schema, fromJson(schema, json, { ignoreUnknownFields: true })), unreadableId };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SpanloomError("INVALID_FIELD", `cannot read OTLP JSON: ${why}`, {}, { cause });
  }
}

function isIdKey(key: string): boolean {
  return key === "traceId" || key === "spanId" || key === "parentSpanId";
}

/** A 64-bit integer that was sent as a number, e.g. a time, as the text it was sent in: as a number it is rounded. */
function exactNumber(value: number, source: string | undefined): unknown {
  return source !== undefined && /^-?[0-9]+$/.test(source) ? source : value;
}

/** One byte, in base64: an id of no length there is, so that its record is rejected and no other. */
const UNREADABLE_ID = "AA==";

/** The bytes of an id; undefined when it is not hex. */
function idBytes(key: string, value: unknown): Uint8Array | undefined {
  if (typeof value !== "string") throw new RangeError(`"${key}" is not a string of hex digits`);
  return /^([0-9a-f]{2})*$/i.test(value) ? hexToBytes(value) : undefined;
}

function sendError(request: HttpRequest, response: HttpResponse, format: OtlpFormat, error: SpanloomError): void {
  const status = statusByReason[error.reason] ?? 500;
  const retry = retryAfterMs(error);
  if (retry !== undefined) response.setHeader("retry-after", Math.ceil(retry / 1000));
  discard(request, response);
  respond(response, status, format, encodeStatus(format, error.code, error.message));
}

function refuse(request: HttpRequest, response: HttpResponse, status: number, message: string): SpanloomError {
  discard(request, response);
  respond(response, status, "json", encodeStatus("json", 3, message));
  return new SpanloomError("INVALID_FIELD", message);
}

/** A body that was not read to its end cannot be told from the next request on the connection. */
function discard(request: HttpRequest, response: HttpResponse): void {
  if (!request.complete && request.httpVersionMajor === 1) response.setHeader("connection", "close");
  request.resume();
}

/** A `google.rpc.Status`: code in field 1, message in field 2. */
function encodeStatus(format: OtlpFormat, code: number, message: string): Uint8Array {
  if (format === "json") return new TextEncoder().encode(JSON.stringify({ code, message }));
  return new BinaryWriter().uint32(8).int32(code).uint32(18).string(message).finish();
}

function respond(response: HttpResponse, status: number, format: OtlpFormat, body: Uint8Array): void {
  if (response.headersSent || isGone(response)) return;
  response.writeHead(status, { "content-type": contentTypes[format], "content-length": body.length });
  response.end(body);
}
