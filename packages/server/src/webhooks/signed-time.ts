import { DeliveryRefusal } from "./delivery-refusal.ts";

/** When something is checked, and how far from that a signed time may be. */
export interface TimeWindow {
  nowUs: number;
  toleranceMs: number;
}

/**
 * Refuses a time of signing that is too far from now, either way. Looked at when the signature is found right: a time
 * that anybody may have written says nothing.
 *
 * Units: seconds since 1970, or milliseconds when it has 13 digits.
 */
export function checkSignedTime(text: string, { nowUs, toleranceMs }: TimeWindow): void {
  if (!/^\d{1,13}$/.test(text)) throw new DeliveryRefusal("expired", "its time is not a number of seconds since 1970");
  const signedAtMs = text.length === 13 ? Number(text) : Number(text) * 1000;
  const offMs = Math.round(nowUs / 1000 - signedAtMs);
  if (Math.abs(offMs) <= toleranceMs) return;
  const where = offMs > 0 ? `${offMs} ms ago` : `${-offMs} ms ahead`;
  throw new DeliveryRefusal("expired", `its time is ${where}, tolerance ${toleranceMs} ms`);
}
