/** A key that nobody else has, for a submission that may be sent twice. */
export function randomKey(): string {
  // Pages that came over plain HTTP from another machine have no randomUUID.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
