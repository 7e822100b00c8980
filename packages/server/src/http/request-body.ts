import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, zstdDecompress } from "node:zlib";
import { SpanloomError } from "@spanloom/protocol";

/** A request of either HTTP version. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;

type Decompress = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

const decompressors: Readonly<Record<string, Decompress>> = {
  gzip: promisify(gunzip),
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
export async function readBody(request: HttpRequest, maxBytes: number): Promise<Uint8Array> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  const bytes = await receive(request, maxBytes);
  return encoding === "identity" || encoding === "" ? bytes : decompress(bytes, encoding, maxBytes);
}

/** How long a body may take to arrive; HTTP/2 has no such limit of its own. */
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

function receive(request: HttpRequest, maxBytes: number): Promise<Uint8Array> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > maxBytes) return Promise.reject(tooLarge("has", announced, maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else finish(() => reject(tooLarge("has at least", length, maxBytes)));
    };
    const onEnd = (): void =>
      finish(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length)));
    const onCut = (): void =>
      finish(() => reject(new SpanloomError("INVALID_FIELD", "cannot read the request: cut off")));
    const onSlow = (): void =>
      finish(() =>
        reject(new SpanloomError("INVALID_FIELD", `cannot read the request: it took over ${RECEIVE_MS} ms`)),
      );
    const timer = setTimeout(onSlow, RECEIVE_MS);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("error", onCut).off("close", onCut);
      // An error may still follow, e.g. a reset: nobody is left to be told.
      request.on("error", () => {});
      settle();
    };
    request.on("data", onData).on("end", onEnd).on("error", onCut).on("close", onCut);
  });
}

async function decompress(bytes: Uint8Array, encoding: string, maxBytes: number): Promise<Uint8Array> {
  const run = decompressors[encoding];
  if (!run) {
    throw new SpanloomError(
      "INVALID_FIELD",
      `cannot read the request: content encoding "${encoding}" is not one of ${acceptedEncodings.join(", ")}`,
      { field: "content-encoding" },
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
