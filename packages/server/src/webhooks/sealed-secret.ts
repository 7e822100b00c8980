import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { KEY_BYTES, type SecretKey } from "./secret-key.ts";

/**
 * Secrets at rest: AES-256-GCM under a key of their own, derived from one of the operator's.
 *
 * I1. A sealed secret opens for the webhook it was sealed for and no other: its name is authenticated.
 * I2. A salt is drawn for each secret, and with it a key, so that no two are sealed with one key and nonce.
 * I3. What was changed by a single bit does not open.
 */

const VERSION = "v1";
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const cipherName = "aes-256-gcm";

/** Draws random bytes. */
export type RandomBytes = (size: number) => Uint8Array;

/** Seals a secret of a webhook: `v1.<key id>.<salt>.<nonce>.<ciphertext and tag>`. */
export function sealSecret(key: SecretKey, webhook: string, secret: string, random: RandomBytes): string {
  const salt = random(SALT_BYTES);
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv(cipherName, ownKey(key, salt), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(webhook));
  const sealed = Buffer.concat([cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
  const parts = [salt, nonce, sealed].map((bytes) => Buffer.from(bytes).toString("base64url"));
  return [VERSION, key.id, ...parts].join(".");
}

/** What opening came to; why it failed is for people, and holds nothing of the secret. */
export type Opened = { secret: string } | { why: string };

/** Opens what {@link sealSecret} made. */
export function openSecret(keys: readonly SecretKey[], webhook: string, sealed: string): Opened {
  const [version, keyId = "", ...parts] = sealed.split(".");
  const [salt, nonce, bytes] = parts.map((part) => Buffer.from(part, "base64url"));
  if (version !== VERSION || !salt || !nonce || !bytes || parts.length > 3) return { why: "it is not a sealed secret" };
  if (keys.length === 0) return { why: "the server has no key; set SPANLOOM_SECRET_KEY" };
  const key = keys.find(({ id }) => id === keyId);
  if (!key) return { why: `no key in SPANLOOM_SECRET_KEY is the one it was sealed with, ${keyId}` };
  try {
    const decipher = createDecipheriv(cipherName, ownKey(key, salt), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundTo(webhook));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]);
    return { secret: text.toString("utf8") };
  } catch {
    // Node says no more than that it failed, whichever byte was changed.
    return { why: "it was changed, or sealed for another webhook" };
  }
}

/** Which key a sealed secret needs. */
export function keyIdOf(sealed: string): string {
  return sealed.split(".")[1] ?? "";
}

function ownKey(key: SecretKey, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key.bytes, salt, "spanloom webhook secret", KEY_BYTES));
}

function boundTo(webhook: string): Uint8Array {
  return Buffer.from(`${VERSION}\0webhook\0${webhook}`);
}
