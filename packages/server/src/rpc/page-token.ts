import { SpanloomError } from "@spanloom/protocol";

/**
 * Page tokens say where the page before ended and of which listing, so that a token cannot be used for another.
 *
 * They are opaque to callers but not secret: base64url of a listing's name, a digest of its filter and a position.
 */

/** Writes a token. `filter` is whatever must be the same on the next page. */
export function encodePageToken(listing: string, filter: unknown, position: string): string {
  return Buffer.from(`${listing}:${digest(filter)}:${position}`).toString("base64url");
}

/**
 * Reads the position from a token; undefined when the token is empty, that is for the first page.
 *
 * Errors: INVALID_PAGE_TOKEN when it is not one, or of another listing or filter.
 */
export function decodePageToken(token: string, listing: string, filter: unknown): string | undefined {
  if (token === "") return undefined;
  const match = /^(\w+):(\w+):(.+)$/.exec(Buffer.from(token, "base64url").toString());
  if (!match) throw invalidToken(token, "was not issued by this server");
  if (match[1] !== listing) throw invalidToken(token, `is of another listing, "${match[1]}"`);
  if (match[2] !== digest(filter)) throw invalidToken(token, "was issued for another filter");
  return match[3];
}

function invalidToken(token: string, why: string): SpanloomError {
  return new SpanloomError("INVALID_PAGE_TOKEN", `cannot continue the listing: page token "${cut(token)}" ${why}`, {
    field: "page_token",
  });
}

/** Reads a position that counts entries. Errors: INVALID_PAGE_TOKEN, as `decodePageToken`, also for no whole number. */
export function decodeOffset(token: string, listing: string, filter: unknown): number {
  const position = decodePageToken(token, listing, filter);
  if (position === undefined) return 0;
  const offset = /^\d{1,9}$/.test(position) ? Number(position) : undefined;
  if (offset !== undefined) return offset;
  throw invalidToken(token, "was not issued by this server");
}

/** A short digest (FNV-1a) of a filter's text; it guards against mistakes, not against intent. */
function digest(filter: unknown): string {
  const text = JSON.stringify(filter, (_key, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(36);
}

function cut(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}...` : text;
}
