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
import type { CallContext, UnaryHandler } from "../rpc/call-context.ts";
import { type Log, toWireError } from "../rpc/error-interceptor.ts";
import type { Authorize } from "./authorization.ts";
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
}

/** One served method. */
export interface UnaryRoute {
  method: DescMethodUnary;
  handle: UnaryHandler<MessageShape<DescMessage>, MessageShape<DescMessage>>;
}

const TIMEOUT_HEADER = "connect-timeout-ms";

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

/** Answers one request. Never throws: what goes wrong is answered or, when nobody listens any more, dropped. */
export async function serveConnectUnary(
  route: UnaryRoute,
  request: HttpRequest,
  response: HttpResponse,
  options: UnaryOptions,
): Promise<void> {
  const { method } = route;
  const call = new Call(response, options.stopping);
  try {
    options.authorize(request.headers.authorization);
    call.deadline(request.headers[TIMEOUT_HEADER]);
    const json = codecOf(request) === "json";
    const body = await readBody(request, options.maxRequestBytes);
    const message = json ? decodeJson(method.input, body) : decodeBinary(method.input, body);
    const answer = await call.race(route.handle(message, call));
    send(response, 200, json ? "application/json" : "application/proto", encode(method.output, answer, json));
  } catch (error) {
    const wire = toWireError(error, options.log, `${method.parent.typeName}/${method.name}`);
    if (!request.complete) await drain(request, options.maxRequestBytes);
    sendError(request, response, wire);
  } finally {
    call.end();
  }
}

function decodeBinary<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
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

/** The life of one call. Signal and timer are made when first needed: most calls need neither. */
class Call implements CallContext {
  readonly #response: HttpResponse;
  readonly #stopping: AbortSignal;
  #controller: AbortController | undefined;
  #deadlineMs: number | undefined;
  /** True once the call was answered or its deadline passed: whoever asks for the signal then finds it aborted. */
  #over = false;
  #cleanUp: (() => void) | undefined;

  constructor(response: HttpResponse, stopping: AbortSignal) {
    this.#response = response;
    this.#stopping = stopping;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = new AbortController();
      const abort = (): void => controller.abort();
      this.#controller = controller;
      if (this.#over) abort();
      if (this.#over) return controller.signal;
      this.#response.once("close", abort);
      this.#stopping.addEventListener("abort", abort);
      this.#cleanUp = () => {
        this.#response.off("close", abort);
        this.#stopping.removeEventListener("abort", abort);
      };
      if (this.#stopping.aborted || isGone(this.#response)) abort();
    }
    return this.#controller.signal;
  }

  timeoutMs(): number | undefined {
    return this.#deadlineMs === undefined ? undefined : this.#deadlineMs - performance.now();
  }

  deadline(header: string | string[] | undefined): void {
    if (header === undefined) return;
    if (typeof header !== "string" || !/^\d{1,10}$/.test(header))
      throw new SpanloomError("INVALID_FIELD", `cannot read the request: "${header}" is not 1 to 10 digits`, {
        field: TIMEOUT_HEADER,
      });
    this.#deadlineMs = performance.now() + Number(header);
  }

  /** The answer, unless the client's deadline passes first. */
  race<T>(answer: Promise<T>): Promise<T> {
    const left = this.timeoutMs();
    if (left === undefined) return answer;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#over = true;
          reject(new SpanloomError("DEADLINE_EXCEEDED", "cannot finish the call: its deadline has passed"));
          this.#controller?.abort();
        },
        Math.min(Math.max(left, 0), 2 ** 31 - 1),
      );
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  end(): void {
    this.#over = true;
    this.#cleanUp?.();
  }
}
