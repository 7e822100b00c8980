import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

/** What the two versions' responses have in common, as far as it is used here. */
export type HttpResponse = (ServerResponse | Http2ServerResponse) & {
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  write(bytes: Uint8Array): boolean;
  end(body?: Uint8Array | string): unknown;
};

/** Whether nobody can be answered any more. HTTP/2's responses have no `destroyed`; their streams have. */
export function isGone(response: HttpResponse): boolean {
  return "stream" in response ? response.stream.destroyed : response.destroyed;
}
