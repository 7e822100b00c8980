import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  fromJson,
  type JsonValue,
  type MessageShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { SpanloomError } from "@spanloom/protocol";
import type { UnaryHandler } from "../rpc/call-context.ts";
import { type Log, toWireError } from "../rpc/error-interceptor.ts";
import type { SelfTracer } from "../self-tracing/self-tracer.ts";
import type { Authorize } from "./authorization.ts";
import { Call, TIMEOUT_HEADER } from "./call.ts";
import { type CallDurations, CODE_OK } from "./call-durations.ts";
import { type HttpResponse, isGone } from "./http-response.ts";
import { drain, type HttpRequest, readBody } from "./request-body.ts";

/**
 * Connect's unary protocol straight on Node's HTTP: one message in, one message out, binary or JSON.
 *
 * The hot calls of runners and clients are all of this kind. Served through connect-node's adapter each pays for
 * web Headers, abort controllers and a chain of async generators; here it pays for the bytes it carries. gRPC,
 * gRPC-Web and streams keep the adapter.
 *
 * Source: Connect protocol, unary requests and responses.
 */

/** What every unary call of a server shares. */
export interface UnaryOptions {
  authorize: Authorize;
  /** Largest request, before and after decompression. */
  maxRequestBytes: number;
  /** Aborts when the server stops. */
  stopping: AbortSignal;
  log: Log;
  /** Notes how long calls took. */
  calls: CallDurations;
  tracer?: SelfTracer | undefined;
}

/** One served method. */
export interface UnaryRoute {
  method: DescMethodUnary;
  /** `Service/Method`. */
  name: string;
  handle: UnaryHandler<MessageShape<DescMessage>, MessageShape<DescMessage>>;
}

/** Whether a request speaks Connect's unary protocol; other protocols have other content types. */
export function isConnectUnary(request: HttpRequest): boolean {
  return request.method === "POST" && codecOf(request) !== undefined;
}

function codecOf(request: HttpRequest): "proto" | "json" | undefined {
  const type = request.headers["content-type"] ?? "";
  if (type === "application/proto") return "proto";
  if (type === "application/json" || /^application\/json *;/i.test(type)) return "json";
  return undefined;
}

/** Answers one request. Never throws: what goes wrong is answered or, when nobody listens any more, dropped; and returned. */
export async function serveConnectUnary(
  route: UnaryRoute,
  request: HttpRequest,
  response: HttpResponse,
  options: UnaryOptions,
): Promise<ConnectError | undefined> {
  const { method } = route;
  const call = new Call(response, options.stopping);
  const startedAtMs = performance.now();
  let code = CODE_OK;
  try {
    options.authorize(request.headers.authorization, route.name);
    call.deadline(request.headers[TIMEOUT_HEADER]);
    const json = codecOf(request) === "json";
    const body = await readBody(request, options.maxRequestBytes);
    const message = json ? decodeJson(method.input, body) : decodeBinary(method.input, body);
    const answer = await call.race(route.handle(message, call));
    send(response, 200, json ? "application/json" : "application/proto", encode(method.output, answer, json));
    return undefined;
  } catch (error) {
    const wire = toWireError(error, options.log, route.name);
    code = wire.code;
    if (!request.complete) await drain(request, options.maxRequestBytes);
    sendError(request, response, wire);
    return wire;
  } finally {
    call.end();
    options.calls.ended("connectrpc", route.name, code, startedAtMs);
  }
}

/** A message from its binary form. Errors: INVALID_FIELD saying what is malformed. */
export function decodeBinary<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (cause) {
    throw malformed(cause, "protobuf");
  }
}

function decodeJson<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    const text = bytes.length === 0 ? "{}" : new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return fromJson(schema, JSON.parse(text) as JsonValue, { ignoreUnknownFields: true });
  } catch (cause) {
    throw malformed(cause, "JSON");
  }
}

function malformed(cause: unknown, format: string): SpanloomError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SpanloomError("INVALID_FIELD", `cannot decode the request: malformed ${format}: ${why}`, {}, { cause });
}

function encode(schema: DescMessage, message: MessageShape<DescMessage>, json: boolean): Uint8Array {
  return json ? new TextEncoder().encode(toJsonString(schema, message)) : toBinary(schema, message);
}

function send(response: HttpResponse, status: number, contentType: string, body: Uint8Array): void {
  if (response.headersSent || isGone(response)) return;
  response.writeHead(status, { "content-type": contentType, "content-length": body.length });
  response.end(body);
}

function sendError(request: HttpRequest, response: HttpResponse, error: ConnectError): void {
  // A body that was not read to its end cannot be told from the next request on this connection.
  if (!request.complete && request.httpVersionMajor === 1) response.setHeader("connection", "close");
  request.resume();
  send(response, codeToHttpStatus(error.code), "application/json", errorToJsonBytes(error, undefined));
}
