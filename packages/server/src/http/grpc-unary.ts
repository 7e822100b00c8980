import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { SpanloomError } from "@spanloom/protocol";
import { type HttpResponse, isGone } from "./http-response.ts";
import { acceptedEncodings, decompress, type HttpRequest, receive } from "./request-body.ts";

/**
 * gRPC's unary protocol straight on Node's HTTP/2: the bytes of one message in, those of one message out.
 *
 * Source: gRPC over HTTP/2; google.rpc.Status and RetryInfo.
 */

/** Bytes before a message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

const answerHeaders = { "content-type": "application/grpc", "grpc-accept-encoding": acceptedEncodings.join(",") };

/** How a call that failed is told. */
export interface GrpcStatus {
  /** A gRPC code, which Connect's codes equal. */
  code: number;
  message: string;
  /** When to try again; absent when there is no use in it. */
  retryAfterMs?: number | undefined;
}

/** Whether a request speaks gRPC with protobuf. */
export function isGrpc({ headers, httpVersionMajor }: HttpRequest): boolean {
  return httpVersionMajor === 2 && /^application\/grpc(\+proto)?( *;.*)?$/i.test(headers["content-type"] ?? "");
}

/**
 * Reads the one message of a call, decompressed.
 *
 * Errors: LIMIT_EXCEEDED when it is, or decompresses to, more than `maxBytes`; INVALID_FIELD when it is cut off, is not
 * one message, or is compressed in a way the server does not know.
 */
export async function readGrpcMessage(request: HttpRequest, maxBytes: number): Promise<Uint8Array> {
  const body = await receive(request, maxBytes + PREFIX_BYTES);
  const length = body.length >= PREFIX_BYTES ? new DataView(body.buffer, body.byteOffset).getUint32(1) : undefined;
  if (length === undefined || length !== body.length - PREFIX_BYTES) throw notOneMessage(body.length, length);
  const message = body.subarray(PREFIX_BYTES);
  if (body[0] === 0) return message;
  const encoding = request.headers["grpc-encoding"] ?? "identity";
  if (body[0] !== 1 || encoding === "identity") {
    const why = `its message is flagged ${body[0]} and grpc-encoding is "${encoding}"`;
    throw new SpanloomError("INVALID_FIELD", `cannot read the request: ${why}`, { field: "grpc-encoding" });
  }
  return decompress(message, { encoding: String(encoding), header: "grpc-encoding", maxBytes });
}

function notOneMessage(bytes: number, length: number | undefined): SpanloomError {
  const said = length === undefined ? "" : `, of which the message says to be ${length} after a prefix of 5`;
  return new SpanloomError("INVALID_FIELD", `cannot read the request: not one message: it has ${bytes} bytes${said}`);
}

/** Answers a call with a message. */
export function sendGrpcMessage(response: HttpResponse, message: Uint8Array): void {
  if (response.headersSent || isGone(response)) return;
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  response.addTrailers({ "grpc-status": "0" });
  response.writeHead(200, answerHeaders);
  response.end(Buffer.concat([prefix, message]));
}

/** Answers a call that failed, in headers alone. */
export function sendGrpcStatus(response: HttpResponse, status: GrpcStatus): void {
  if (response.headersSent || isGone(response)) return;
  response.writeHead(200, {
    ...answerHeaders,
    "grpc-status": status.code,
    "grpc-message": percentEncoded(status.message),
    ...(status.retryAfterMs !== undefined && {
      "grpc-status-details-bin": Buffer.from(encodeStatus(status, status.retryAfterMs)).toString("base64"),
    }),
  });
  response.end();
}

/** As gRPC writes text in a header: UTF-8, everything but printable ASCII in hex. */
function percentEncoded(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");
}

/** A google.rpc.Status (code 1, message 2, details 3) whose one detail is a google.rpc.RetryInfo (retry_delay 1). */
function encodeStatus({ code, message }: GrpcStatus, delayMs: number): Uint8Array {
  const delay = new BinaryWriter()
    .uint32(8)
    .int64(Math.floor(delayMs / 1_000))
    .uint32(16)
    .int32(Math.round((delayMs % 1_000) * 1_000_000))
    .finish();
  const retryInfo = new BinaryWriter().uint32(10).bytes(delay).finish();
  const detail = new BinaryWriter().uint32(10).string("type.googleapis.com/google.rpc.RetryInfo");
  const any = detail.uint32(18).bytes(retryInfo).finish();
  return new BinaryWriter().uint32(8).int32(code).uint32(18).string(message).uint32(26).bytes(any).finish();
}
