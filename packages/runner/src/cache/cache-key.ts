import { SpanloomError } from "@spanloom/protocol";

/** Longest key, in bytes of UTF-8: encoded it still fits what S3 allows, with a job and a prefix before it. */
export const MAX_KEY_BYTES = 256;

/** Longest part of an encoded key: file systems allow names of 255 bytes. */
const MAX_PART = 200;

/**
 * Writes a key so that it can be a path anywhere: lower-case letters, digits, `-` and `_`, in parts joined by `:`.
 *
 * Every other byte is `_` and two hex digits, capitals included, as some file systems take `A` and `a` for the same. The
 * last part begins with `k`, those before it with `d`: no key is the folder of another, none is `..`, `con` or empty.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED.
 */
export function encodeKey(key: string): string {
  if (typeof key !== "string" || key === "" || !key.isWellFormed())
    throw new SpanloomError("INVALID_FIELD", `cannot use the cache key ${quote(key)}: it must be well-formed text`, {
      field: "key",
    });
  const bytes = Buffer.from(key);
  if (bytes.length > MAX_KEY_BYTES)
    throw new SpanloomError(
      "LIMIT_EXCEEDED",
      `cannot use the cache key ${quote(key)}: it has ${bytes.length} bytes, limit is ${MAX_KEY_BYTES}`,
      { field: "key", limit: MAX_KEY_BYTES, actual: bytes.length },
    );
  const text = [...bytes].map(encodeByte).join("");
  const parts = text.match(new RegExp(`.{1,${MAX_PART}}`, "g")) as string[];
  return parts.map((part, index) => (index === parts.length - 1 ? `k${part}` : `d${part}`)).join(":");
}

function encodeByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return /[a-z0-9-]/.test(char) ? char : `_${byte.toString(16).padStart(2, "0")}`;
}

/** The key of what {@link encodeKey} wrote; undefined for anything else. */
export function decodeKey(encoded: string): string | undefined {
  if (!/^(d[a-z0-9_-]+:)*k[a-z0-9_-]+$/.test(encoded)) return undefined;
  const text = encoded
    .split(":")
    .map((part) => part.slice(1))
    .join("");
  const bytes = text.replace(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString();
}

/** A key as it is quoted in messages. */
export function quote(key: unknown): string {
  return typeof key === "string" ? JSON.stringify(key.slice(0, 100)) : String(key);
}
