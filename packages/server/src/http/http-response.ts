import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

/** What the two versions' responses have in common, as far as it is used here. */
export type HttpResponse = (ServerResponse | Http2ServerResponse) & {
  readonly destroyed: boolean;
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  end(body?: Uint8Array | string): unknown;
};
