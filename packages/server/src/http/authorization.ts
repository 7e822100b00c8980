import { createHash, timingSafeEqual } from "node:crypto";
import { SpanloomError } from "@spanloom/protocol";

/** Throws UNAUTHENTICATED unless the value of an Authorization header lets the caller in. */
export type Authorize = (header: string | undefined | null) => void;

/**
 * Makes the check for one bearer token; without a token everyone is let in.
 *
 * Digests are compared, not texts, so that the time taken tells nothing of the token, its length included.
 */
export function bearerAuthorization(token: string | undefined): Authorize {
  if (token === undefined) return () => {};
  const expected = digest(token);
  return (header) => {
    const given = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
    if (given === undefined)
      throw new SpanloomError("UNAUTHENTICATED", "cannot serve the call: it carries no bearer token");
    if (!timingSafeEqual(digest(given), expected))
      throw new SpanloomError("UNAUTHENTICATED", "cannot serve the call: its bearer token is not known");
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
