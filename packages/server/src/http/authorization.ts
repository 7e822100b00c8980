import { createHash, timingSafeEqual } from "node:crypto";
import { SpanloomError } from "@spanloom/protocol";
import { type Scope, scopeOfCall, scopes } from "./scopes.ts";

/** What the server knows of a token: never the token itself. */
export interface TokenRecord {
  /** For people: which token it is. */
  name: string;
  scopes: ReadonlySet<Scope>;
  /** SHA-256 of the token. A token has 256 random bits, so a slow hash would only slow the server down. */
  digest: Uint8Array;
}

/**
 * Throws unless the value of an Authorization header allows a call, an RPC as `Service/Method` or a path.
 *
 * Errors: UNAUTHENTICATED without a token that is known; PERMISSION_DENIED naming the call and the scope it needs.
 */
export type Authorize = (header: string | undefined | null, call: string) => void;

/** Lets everyone in. */
export const authorizeAll: Authorize = () => {};

/**
 * Makes the check for some bearer tokens, which may be other ones with each call.
 *
 * Digests are compared, not texts, and all of them, so that the time taken tells nothing of the tokens, their lengths
 * included. A call that the table of scopes does not have needs `admin`.
 */
export function bearerAuthorization(tokens: () => readonly TokenRecord[]): Authorize {
  return (header, call) => {
    const given = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
    if (given === undefined)
      throw new SpanloomError("UNAUTHENTICATED", "cannot serve the call: it carries no bearer token");
    const token = find(tokens(), digestOf(given));
    if (!token) throw new SpanloomError("UNAUTHENTICATED", "cannot serve the call: its bearer token is not known");
    const scope = scopeOfCall.get(call) ?? "admin";
    if (!token.scopes.has(scope) && !token.scopes.has("admin")) throw denied(call, scope, token);
  };
}

/** A token that may do everything, e.g. the one of `SPANLOOM_TOKEN`. */
export function fullToken(token: string): TokenRecord {
  return { name: "token", scopes: new Set(scopes), digest: digestOf(token) };
}

/** What is kept of a token. */
export function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

function find(tokens: readonly TokenRecord[], digest: Uint8Array): TokenRecord | undefined {
  let found: TokenRecord | undefined;
  for (const token of tokens) if (timingSafeEqual(token.digest, digest)) found = token;
  return found;
}

function denied(call: string, scope: Scope, token: TokenRecord): SpanloomError {
  const has = [...token.scopes].join(", ");
  return new SpanloomError(
    "PERMISSION_DENIED",
    `cannot serve ${call}: it needs the scope "${scope}", token "${token.name}" has ${has}`,
    { metadata: { scope, call } },
  );
}
