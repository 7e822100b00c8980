import { once } from "node:events";
import type { DescMessage, DescMethod, MessageShape } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import type { ConnectError } from "@connectrpc/connect";
import { endStreamFlag, endStreamToJson } from "@connectrpc/connect/protocol-connect";
import { type ArrowChunk, ArrowChunkSchema, SpanloomError } from "@spanloom/protocol";
import { freeNow } from "../free-now.ts";
import type { CallContext } from "../rpc/call-context.ts";
import { toWireError } from "../rpc/error-interceptor.ts";
import { Call, TIMEOUT_HEADER } from "./call.ts";
import { CODE_OK } from "./call-durations.ts";
import { decodeBinary, type UnaryOptions } from "./connect-unary.ts";
import { type HttpResponse, isGone } from "./http-response.ts";
import { drain, type HttpRequest, readBody } from "./request-body.ts";

/**
 * Connect's server streams of Arrow: the engine's bytes go to the socket as they are (P5).
 *
 * A message library copies a chunk into a message, a growing buffer and an envelope. A million spans are 0.6 GB, so
 * here only the few bytes around each chunk are written. Everything else (gRPC, gRPC-Web, JSON, compressed requests)
 * keeps connect-node's adapter.
 *
 * Source: Connect protocol, streaming requests and responses; proto/spanloom/v1/query_service.proto ArrowChunk.
 */

/** A served method whose answers are Arrow chunks, which are the response's own: their memory is given back when they left. */
export interface ArrowRoute {
  method: DescMethod;
  handle: (request: MessageShape<DescMessage>, context: CallContext) => AsyncIterable<{ chunk?: ArrowChunk }>;
}

const CONTENT_TYPE = "application/connect+proto";
const CHUNK_FIELD = 1;

/** Whether all that a method streams is `ArrowChunk chunk = 1`. */
export function streamsArrow(method: DescMethod): boolean {
  const [field, ...others] = method.output.fields;
  return (
    method.methodKind === "server_streaming" &&
    others.length === 0 &&
    field?.message?.typeName === ArrowChunkSchema.typeName &&
    field.number === CHUNK_FIELD
  );
}

/** Whether a request speaks Connect's streaming protocol in plain binary. */
export function isConnectStream({ method, headers }: HttpRequest): boolean {
  const encoding = headers["connect-content-encoding"] ?? "identity";
  return method === "POST" && headers["content-type"] === CONTENT_TYPE && encoding === "identity";
}

/** Answers one request. Never throws: what goes wrong ends the stream or, when nobody listens any more, is dropped; and returned. */
export async function serveArrowStream(
  route: ArrowRoute,
  request: HttpRequest,
  response: HttpResponse,
  options: UnaryOptions,
): Promise<ConnectError | undefined> {
  const call = new Call(response, options.stopping);
  const name = `${route.method.parent.typeName}/${route.method.name}`;
  const startedAtMs = performance.now();
  let failure: ConnectError | undefined;
  try {
    options.authorize(request.headers.authorization, name);
    call.deadline(request.headers[TIMEOUT_HEADER]);
    const message = decodeBinary(route.method.input, unwrap(await readBody(request, options.maxRequestBytes)));
    await pass(route.handle(message, call), response, call);
  } catch (error) {
    failure = toWireError(error, options.log, name);
    if (!request.complete) await drain(request, options.maxRequestBytes);
  } finally {
    call.end();
  }
  options.calls.ended("connectrpc", name, failure?.code ?? CODE_OK, startedAtMs);
  finish(response, failure);
  return failure;
}

/** The one message of a request body. */
function unwrap(body: Uint8Array): Uint8Array {
  const length = body.length >= 5 ? new DataView(body.buffer, body.byteOffset).getUint32(1) : -1;
  if (body[0] === 0 && length === body.length - 5) return body.subarray(5);
  throw new SpanloomError("INVALID_FIELD", "cannot decode the request: it is not one enveloped message");
}

async function pass(answers: ReturnType<ArrowRoute["handle"]>, response: HttpResponse, call: Call): Promise<void> {
  const iterator = answers[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await call.race(iterator.next());
      if (done) return;
      for (const bytes of frame(value.chunk)) {
        if (isGone(response)) return;
        if (!response.headersSent) response.writeHead(200, { "content-type": CONTENT_TYPE });
        if (!response.write(bytes)) await call.race(written(response));
      }
      if (value.chunk && response.writableLength === 0) freeNow(value.chunk.ipc);
    }
  } finally {
    // Not awaited: the query ends by itself, and a deadline that has passed must be told now.
    void iterator.return?.().catch(() => undefined);
  }
}

/** Resolves when the response takes more, or when nobody reads it any more. */
async function written(response: HttpResponse): Promise<void> {
  if (isGone(response)) return;
  const settled = new AbortController();
  const { signal } = settled;
  try {
    await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]);
  } finally {
    settled.abort();
  }
}

/**
 * A message with its envelope, in parts: what stands before the Arrow bytes, and they themselves.
 *
 * Arrow reads buffers in place where they are aligned to 8 bytes, and else copies them: 0.13 s of a million spans. So the
 * Arrow bytes begin 16 bytes into the message, by numbers written in more bytes than they need, which is as valid.
 */
function frame(chunk: ArrowChunk | undefined): Uint8Array[] {
  const { ipc, rows } = chunk ?? { ipc: new Uint8Array(0), rows: 0n };
  // A number of 4 bytes holds up to 256 MB; longer chunks come unaligned.
  const lengthBytes = ipc.length < 2 ** 28 - 16 ? 4 : 5;
  const rowsAndIpc = [
    tagOf(2, WireType.Varint),
    ...varint(Number(rows), 5),
    tagOf(1, WireType.LengthDelimited),
    ...varint(ipc.length, lengthBytes),
  ];
  const chunkBytes = varint(rowsAndIpc.length + ipc.length, lengthBytes);
  const before = [tagOf(CHUNK_FIELD, WireType.LengthDelimited), ...chunkBytes, ...rowsAndIpc];
  const envelope = Buffer.alloc(5);
  envelope.writeUInt32BE(before.length + ipc.length, 1);
  const head = Buffer.concat([envelope, Uint8Array.from(before)]);
  return ipc.length > 0 ? [head, ipc] : [head];
}

function tagOf(field: number, type: WireType): number {
  return (field << 3) | type;
}

/** A number in base 128, the lowest digits first, in so many bytes. */
function varint(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (Math.floor(value / 128 ** i) % 128) | (i < bytes - 1 ? 0x80 : 0));
}

function finish(response: HttpResponse, failure: ConnectError | undefined): void {
  if (isGone(response)) return;
  if (!response.headersSent) response.writeHead(200, { "content-type": CONTENT_TYPE });
  const end = Buffer.from(JSON.stringify(endStreamToJson(new Headers(), failure, undefined)));
  const envelope = Buffer.alloc(5);
  envelope[0] = endStreamFlag;
  envelope.writeUInt32BE(end.length, 1);
  response.end(Buffer.concat([envelope, end]));
}
