import { hkdfSync } from "node:crypto";
import { SpanloomError } from "@spanloom/protocol";

/** A key that secrets are sealed with, from the operator's hands. */
export interface SecretKey {
  /** Tells keys apart in what they have sealed; derived from the key, so nobody names it. */
  id: string;
  bytes: Uint8Array;
}

export const KEY_BYTES = 32;
const KEY_ID_BYTES = 6;

/**
 * Keys from text: 32 bytes each as hex or base64, with commas between. The first seals, all of them open: a new key is
 * put in front, and the old one taken away when nothing is sealed with it any more.
 *
 * Errors: INVALID_FIELD naming the source and which of them is none; no key is quoted.
 */
export function parseSecretKeys(source: string, text: string): readonly SecretKey[] {
  const keys = text.split(",").map((part, i) => {
    const bytes = readKey(part.trim());
    if (bytes) return { id: deriveHex(bytes, "spanloom secret key id", KEY_ID_BYTES), bytes };
    throw refuse(source, `key ${i + 1} must be ${KEY_BYTES} bytes, as 64 hex digits or 44 characters of base64`);
  });
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw refuse(source, "it has the same key twice");
  return keys;
}

function readKey(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  return /^[0-9a-z+/_-]{43}=?$/i.test(text) ? Buffer.from(text, "base64") : undefined;
}

function deriveHex(key: Uint8Array, purpose: string, bytes: number): string {
  return Buffer.from(hkdfSync("sha256", key, "", purpose, bytes)).toString("hex");
}

function refuse(source: string, why: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use ${source}: ${why}`, { field: source });
}
