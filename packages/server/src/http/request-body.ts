import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";
import { SpanloomError } from "@spanloom/protocol";
import { freeNow } from "../free-now.ts";

/** A request of either HTTP version. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;

type Decompress = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

const decompressors: Readonly<Record<string, Decompress>> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/** Content encodings that `readBody` understands, for error messages and headers. */
export const acceptedEncodings = ["identity", ...Object.keys(decompressors)];

/**
 * Reads a request's whole body and undoes its content encoding.
 *
 * Neither the bytes received nor those they decompress to are ever more than `maxBytes` in memory.
 *
 * Errors: LIMIT_EXCEEDED when either is larger; INVALID_FIELD when the body is cut off, is not what its encoding says
 * or has an encoding the server does not know.
 */
export function readBody(request: HttpRequest, maxBytes: number): Promise<Uint8Array> {
  const encoding = (request.headers["content-encoding"] ?? "identity").toLowerCase();
  const received = receive(request, maxBytes);
  if (encoding === "identity" || encoding === "") return received;
  return received.then((bytes) => decompress(bytes, { encoding, header: "content-encoding", maxBytes }));
}

/** How long a body may take to arrive over HTTP/2; Node's HTTP/1.1 server has such a limit of its own. */
const RECEIVE_MS = 60_000;

/** How long the rest of a refused request may take to arrive before it is answered anyway. */
const DRAIN_MS = 5_000;

/**
 * Discards the rest of a request that is about to be refused.
 *
 * A client that is still sending may never read an answer given before: HTTP/2 resets the stream, HTTP/1.1 the
 * connection. Gives up after `maxBytes` or a few seconds.
 */
export function drain(request: HttpRequest, maxBytes: number): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let left = maxBytes;
    const onData = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left < 0) finish();
    };
    const finish = (): void => {
      clearTimeout(timer);
      request.off("data", onData).off("end", finish).off("close", finish);
      resolve();
    };
    const timer = setTimeout(finish, DRAIN_MS);
    request.on("data", onData).on("end", finish).on("close", finish).resume();
  });
}

/** Reads a request's whole body as it is. Errors: LIMIT_EXCEEDED when it is larger, INVALID_FIELD when it is cut off. */
export function receive(request: HttpRequest, maxBytes: number): Promise<Uint8Array> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > maxBytes) return Promise.reject(tooLarge("has", announced, maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let over = false;
    // Listeners stay: the request is never used again, and what still comes, an error or the close, concerns nobody.
    const finish = (settle: () => void): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      settle();
    };
    const refuse = (why: string): void =>
      finish(() => reject(new SpanloomError("INVALID_FIELD", `cannot read the request: ${why}`)));
    const onCut = (): void => refuse("cut off");
    const isLimited = request.httpVersionMajor === 1;
    const timer = isLimited ? undefined : setTimeout(() => refuse(`it took over ${RECEIVE_MS} ms`), RECEIVE_MS);
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) finish(() => reject(tooLarge("has at least", length, maxBytes)));
      else if (!over) chunks.push(chunk);
    });
    request.on("end", () =>
      finish(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : joined(chunks, length))),
    );
    request.on("error", onCut).on("close", onCut);
  });
}

function joined(chunks: readonly Buffer[], length: number): Buffer {
  const body = Buffer.concat(chunks, length);
  for (const chunk of chunks) freeNow(chunk);
  return body;
}

/** How something is compressed, by which header, and how large it may become. */
interface Compression {
  encoding: string;
  header: "content-encoding" | "grpc-encoding";
  maxBytes: number;
}

/**
 * Undoes a compression.
 *
 * Errors: LIMIT_EXCEEDED when the result would be larger; INVALID_FIELD when the encoding is not known or the bytes are
 * not what it says.
 */
export async function decompress(bytes: Uint8Array, { encoding, header, maxBytes }: Compression): Promise<Uint8Array> {
  const run = decompressors[encoding];
  if (!run) {
    throw new SpanloomError(
      "INVALID_FIELD",
      `cannot read the request: ${header.replace("-", " ")} "${encoding}" is not one of ${acceptedEncodings.join(", ")}`,
      { field: header },
    );
  }
  try {
    return await run(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw tooLarge("decompresses to more than", maxBytes, maxBytes);
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new SpanloomError(
      "INVALID_FIELD",
      `cannot read the request: its body is not ${encoding}: ${detail}`,
      {},
      { cause },
    );
  }
}

function tooLarge(verb: string, actual: number, limit: number): SpanloomError {
  return new SpanloomError(
    "LIMIT_EXCEEDED",
    `cannot read the request: it ${verb} ${actual} bytes, the limit is ${limit}`,
    { limit, actual },
  );
}
