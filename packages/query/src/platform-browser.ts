import type { Transport } from "@connectrpc/connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { type ArrowChunk, SpanloomError } from "@spanloom/protocol";
import type { ParquetWasm } from "./file/encode-parquet.ts";
import type { Encode } from "./file/encoders.ts";
import type { FileFormat, FileOptions, FileResult } from "./file/file-format.ts";
import { streamItems } from "./stream-items.ts";

/** What differs between Node and a browser, for a browser; see platform-node.ts. */

export { openScratchBlob as openScratch } from "./file/scratch.ts";

/** The server asked when none is named: the one the page is from. */
export function defaultUrl(): string {
  const { location } = globalThis as { location?: { origin: string } };
  return location?.origin ?? "http://127.0.0.1:7171";
}

const MAX_BYTES = 0xffffffff;

/** A transport to a server by `fetch`, which decides by itself what is compressed. */
export async function transportTo(baseUrl: string, _compression?: boolean): Promise<Transport> {
  return createTransport({
    httpClient: fetchClient,
    baseUrl,
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: MAX_BYTES,
    readMaxBytes: MAX_BYTES,
    writeMaxBytes: MAX_BYTES,
  });
}

/** Sends the body whole: browsers stream answers, but no requests. */
const fetchClient: UniversalClientFn = async ({ url, method, header, body, signal }) => {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of body ?? []) parts.push(part as Uint8Array<ArrayBuffer>);
  const response = await fetch(url, {
    method,
    headers: header,
    ...(body && { body: new Blob(parts) }),
    ...(signal && { signal }),
  });
  return { status: response.status, header: response.headers, body: piecesOf(response), trailer: new Headers() };
};

async function* piecesOf({ body }: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (body) yield* streamItems(body);
}

/** Refuses: a browser has no files. Errors: INVALID_STATE. */
export async function writeFile(
  path: string,
  _chunks: AsyncIterable<ArrowChunk>,
  _options: FileOptions = {},
): Promise<FileResult> {
  throw new SpanloomError("INVALID_STATE", `cannot write "${path}": a browser has no files; use toBlob()`);
}

/**
 * The encoder of a format, loaded when first asked for.
 *
 * A bundler resolves what is imported, installed or not, so the module that writes Parquet is handed over.
 * Errors: INVALID_STATE for Parquet without it.
 */
export async function encoderOf(format: FileFormat, parquet?: object): Promise<Encode> {
  if (format === "parquet") {
    if (parquet) {
      const { parquetEncoder } = await import("./file/encode-parquet.ts");
      return parquetEncoder(async () => parquet as ParquetWasm);
    }
    const instead = "hand over parquet-wasm as the option `parquet`, or use another format";
    throw new SpanloomError("INVALID_STATE", `cannot write Parquet: there is no writer for browsers; ${instead}`);
  }
  return (await import("./file/encoders.ts")).encoders[format];
}
