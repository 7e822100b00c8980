import { Code } from "@connectrpc/connect";
import type { OtlpPayload } from "../telemetry/telemetry.ts";
import { CODE_OK } from "./call-durations.ts";
import { isGrpc, readGrpcMessage, sendGrpcMessage, sendGrpcStatus } from "./grpc-unary.ts";
import type { HttpResponse } from "./http-response.ts";
import { encodeAnswer, type OtlpOptions, retryAfterMs, toOtlpError } from "./otlp-answer.ts";
import { drain, type HttpRequest } from "./request-body.ts";
import { type ToldError, traceRpc } from "./traced-call.ts";

/**
 * OTLP/gRPC: the trace and logs services of the collector, on the port of everything else.
 *
 * The message goes on as bytes, as over HTTP: no object is made of it.
 *
 * Source: OTLP specification 1.x, section OTLP/gRPC.
 */

const methods: Readonly<Record<OtlpPayload["signal"], string>> = {
  traces: "opentelemetry.proto.collector.trace.v1.TraceService/Export",
  logs: "opentelemetry.proto.collector.logs.v1.LogsService/Export",
};

const calls: Readonly<Record<string, OtlpPayload["signal"]>> = {
  [`/${methods.traces}`]: "traces",
  [`/${methods.logs}`]: "logs",
};

/** Serves `TraceService/Export` and `LogsService/Export`; false when the path is neither. */
export function serveOtlpGrpc(
  path: string,
  request: HttpRequest,
  response: HttpResponse,
  options: OtlpOptions,
): boolean {
  const signal = calls[path];
  if (!signal) return false;
  if (!isGrpc(request)) {
    refuse(path, request, response);
    return true;
  }
  const serve = () => serveExport(signal, request, response, options);
  void (options.tracer ? traceRpc(options.tracer, path, request, serve) : serve());
  return true;
}

async function serveExport(
  signal: OtlpPayload["signal"],
  request: HttpRequest,
  response: HttpResponse,
  options: OtlpOptions,
): Promise<ToldError | undefined> {
  const startedAtMs = performance.now();
  let ended: number = CODE_OK;
  try {
    options.authorize(request.headers.authorization, `/v1/${signal}`);
    const bytes = await readGrpcMessage(request, options.maxRequestBytes);
    const outcome = await options.telemetry.ingest([{ signal, bytes }]);
    sendGrpcMessage(response, encodeAnswer(signal, "protobuf", outcome));
    return undefined;
  } catch (cause) {
    const error = toOtlpError(cause, options.log);
    const retry = retryAfterMs(error);
    // A client that is still sending would not read an answer given before.
    if (!request.complete) await drain(request, options.maxRequestBytes);
    // OTLP clients take UNAVAILABLE for "later", whatever else the catalogue says of the reason.
    const code = retry === undefined ? error.code : Code.Unavailable;
    ended = code;
    sendGrpcStatus(response, { code, message: error.message, retryAfterMs: retry });
    return { code, cause: error };
  } finally {
    options.calls.ended("grpc", methods[signal], ended, startedAtMs);
  }
}

/** A request that is no gRPC cannot be told so in gRPC. */
function refuse(path: string, request: HttpRequest, response: HttpResponse): void {
  const type = request.headers["content-type"] ?? "";
  const why = `it is served as gRPC with protobuf over HTTP/2, not as "${type}" over HTTP/${request.httpVersion}`;
  const body = JSON.stringify({ code: "unimplemented", message: `cannot serve "${path}": ${why}` });
  request.resume();
  if (request.httpVersionMajor === 1 && !request.complete) response.setHeader("connection", "close");
  response.writeHead(415, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}
