import { hash } from "node:crypto";

/**
 * The id of a firing, and of its job: the same for the same time and the same text, as a UUIDv7 of that time.
 *
 * 74 bits come from a hash of the text, which names whatever the time does not tell.
 */
export function firingId(timeUs: number, text: string): string {
  const time = Math.max(0, Math.floor(timeUs / 1000))
    .toString(16)
    .padStart(12, "0");
  const digits = hash("sha256", text);
  const variant = ((Number.parseInt(digits.slice(3, 4), 16) & 0b0011) | 0b1000).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${digits.slice(0, 3)}-${variant}${digits.slice(4, 7)}-${digits.slice(7, 19)}`;
}
