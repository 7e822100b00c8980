import { SpanloomError } from "@spanloom/protocol";
import type { HttpResponse } from "./http-response.ts";
import type { HttpRequest } from "./request-body.ts";

/**
 * Lets pages of other origins call: a browser hands them an answer only when the server says that it may.
 *
 * Nobody is let in by this: a call needs its token as ever, and pages are never sent cookies.
 *
 * Source: Fetch standard, CORS protocol.
 */

/** What a page may read of an answer besides its body. */
const EXPOSED = "grpc-status, grpc-message, grpc-status-details-bin, retry-after";

/** How long a browser may remember the answer to a preflight; none takes more than two hours from Chromium on. */
const MAX_AGE_S = "7200";

/**
 * Marks the answer for the page that asks, if its origin is one of these; `*` is any. Answers true when the request was
 * a preflight, and is answered.
 */
export function serveCors(origins: readonly string[], request: HttpRequest, response: HttpResponse): boolean {
  const { origin } = request.headers;
  if (origin === undefined || origins.length === 0) return false;
  // Also where it is refused: a cache must not give one origin's answer to another.
  response.setHeader("vary", "Origin");
  if (!origins.includes("*") && !origins.includes(origin)) return false;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", EXPOSED);
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false;
  response.setHeader("access-control-allow-methods", "GET, POST");
  const wanted = request.headers["access-control-request-headers"];
  if (wanted !== undefined) response.setHeader("access-control-allow-headers", wanted);
  response.setHeader("access-control-max-age", MAX_AGE_S);
  request.resume();
  response.writeHead(204, {});
  response.end();
  return true;
}

/**
 * The origins of a list with commas, as browsers write them.
 *
 * Errors: INVALID_FIELD naming `source` for what is neither an origin nor `*`.
 */
export function parseOrigins(source: string, text: string): string[] {
  return text.split(",").map((part) => {
    const origin = part.trim();
    if (origin === "*" || URL.parse(origin)?.origin === origin) return origin;
    const message = `cannot use ${source} "${origin}": write an origin such as https://app.example:8443, or *`;
    throw new SpanloomError("INVALID_FIELD", message, { field: source });
  });
}
