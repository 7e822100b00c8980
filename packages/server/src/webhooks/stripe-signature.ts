import type { Delivery } from "./delivery.ts";
import { DeliveryRefusal } from "./delivery-refusal.ts";
import { anyMatches, digestBytes, digestsOf, readDigest } from "./hmac-digests.ts";
import { checkSignedTime, type TimeWindow } from "./signed-time.ts";

export const STRIPE_HEADER = "stripe-signature";
/** One for each secret that is in use; Stripe keeps an old one for a day at most. */
const MAX_SIGNATURES = 16;

/**
 * Checks `Stripe-Signature: t=<seconds>,v1=<hex>,v1=<hex>`, HMAC-SHA-256 of the time, a dot and the body.
 *
 * Elements of other versions are left alone: taking an older one would let a sender choose the weaker.
 *
 * Errors: DeliveryRefusal `signature` and `expired`.
 * Source: Stripe, "Verify webhook signatures manually".
 */
export function verifyStripe(secrets: readonly Uint8Array[], { headers, body }: Delivery, window: TimeWindow): void {
  const elements = headers.required(STRIPE_HEADER, "signature").split(",");
  const valuesOf = (key: string): string[] =>
    elements
      .map((element) => element.trim())
      .flatMap((text) => (text.startsWith(`${key}=`) ? text.slice(key.length + 1) : []));
  const [time, ...more] = valuesOf("t");
  const texts = valuesOf("v1");
  if (time === undefined || more.length > 0)
    throw refuse(`has ${more.length + (time === undefined ? 0 : 1)} times, not one`);
  if (texts.length > MAX_SIGNATURES) throw refuse(`has ${texts.length} signatures, limit ${MAX_SIGNATURES}`);
  const given = texts.map((text) => readDigest(text, "hex", digestBytes.sha256)).filter((bytes) => bytes !== undefined);
  if (given.length === 0) throw refuse("has no signature v1 of 32 bytes of hex");
  const expected = digestsOf("sha256", secrets, [time, ".", body]);
  if (!anyMatches(given, expected)) throw refuse("has no signature by a secret of the webhook");
  checkSignedTime(time, window);
}

function refuse(why: string): DeliveryRefusal {
  return new DeliveryRefusal("signature", `header "${STRIPE_HEADER}" ${why}`);
}
