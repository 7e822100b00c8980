import { createHmac, timingSafeEqual } from "node:crypto";
import type { SignatureHash } from "./webhook.ts";

/** Lengths of digests. */
export const digestBytes: Readonly<Record<SignatureHash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** A digest from text; undefined for what is none of that length. Node itself skips over what it cannot read. */
export function readDigest(text: string, encoding: "hex" | "base64", bytes: number): Uint8Array | undefined {
  const form = encoding === "hex" ? /^[0-9a-f]*$/i : /^[0-9a-z+/_-]*={0,2}$/i;
  if (!form.test(text) || (encoding === "hex" && text.length !== 2 * bytes)) return undefined;
  const digest = Buffer.from(text, encoding);
  return digest.length === bytes ? digest : undefined;
}

/** One digest of the same pieces, one after another, for each secret. */
export function digestsOf(
  hash: SignatureHash,
  secrets: readonly Uint8Array[],
  pieces: readonly (string | Uint8Array)[],
): Uint8Array[] {
  return secrets.map((secret) => {
    const hmac = createHmac(hash, secret);
    for (const piece of pieces) hmac.update(piece);
    return hmac.digest();
  });
}

/** Whether one of some digests, all of one length, is one of others. Looks at all of them, in constant time. */
export function anyMatches(given: readonly Uint8Array[], expected: readonly Uint8Array[]): boolean {
  let found = false;
  for (const one of given) for (const other of expected) if (timingSafeEqual(one, other)) found = true;
  return found;
}
