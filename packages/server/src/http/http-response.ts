import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

/** What the two versions' responses have in common, as far as it is used here. */
export type HttpResponse = (ServerResponse | Http2ServerResponse) & {
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  write(bytes: Uint8Array): boolean;
  end(body?: Uint8Array): unknown;
  end(body: string, encoding?: "latin1"): unknown;
};

/** Whether nobody can be answered any more. HTTP/2's responses have no `destroyed`; their streams have. */
export function isGone(response: HttpResponse): boolean {
  return "stream" in response ? response.stream.destroyed : response.destroyed;
}

/** Up to here a body is copied rather than written on its own. */
const ONE_PIECE_BYTES = 16 * 1024;

/**
 * Ends an answer with its whole body.
 *
 * In HTTP/1.1, Node writes headers and text in one piece, headers and bytes in two; in latin1 every byte is one
 * character.
 */
export function endWith(response: HttpResponse, body: Uint8Array): void {
  if ("stream" in response || body.length > ONE_PIECE_BYTES) response.end(body);
  else response.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1"), "latin1");
}
