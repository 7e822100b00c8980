import type { Delivery } from "./delivery.ts";
import type { DeliveryHeaders } from "./delivery-headers.ts";
import { DeliveryRefusal } from "./delivery-refusal.ts";
import { anyMatches, digestBytes, digestsOf, readDigest } from "./hmac-digests.ts";
import { checkSignedTime, type TimeWindow } from "./signed-time.ts";
import { STRIPE_HEADER, verifyStripe } from "./stripe-signature.ts";
import type { HmacSignature, SignatureScheme, Webhook } from "./webhook.ts";

/**
 * Checks that one of some secrets signed a delivery; throws otherwise.
 *
 * Digests are compared in constant time, and every secret with every signature, so that the time taken tells neither how
 * much of a signature was right nor which secret it was.
 *
 * Errors: DeliveryRefusal `signature` when the signature is absent, malformed or wrong; `expired` when it is right, and
 * its time too far from now.
 */
export function verifySignature(
  { signature, toleranceMs }: Pick<Webhook, "signature" | "toleranceMs">,
  secrets: readonly Uint8Array[],
  delivery: Delivery,
  nowUs: number,
): void {
  const window = { nowUs, toleranceMs };
  if (signature.scheme === "none") return;
  if (signature.scheme === "stripe") verifyStripe(secrets, delivery, window);
  else verifyHmac(signature.scheme === "github" ? github : signature, secrets, delivery, window);
}

/** Source: GitHub, "Validating webhook deliveries". */
const github: HmacSignature = {
  header: "x-hub-signature-256",
  hash: "sha256",
  prefix: "sha256=",
  encoding: "hex",
  signed: "{body}",
  secretEncoding: "text",
};

/** The header that a signature is in; undefined when none is checked. */
export function signatureHeader(signature: SignatureScheme): string | undefined {
  if (signature.scheme === "none") return undefined;
  if (signature.scheme === "stripe") return STRIPE_HEADER;
  return signature.scheme === "github" ? github.header : signature.header;
}

/** More than this is a try to have the server compute. */
const MAX_SIGNATURES = 16;

function verifyHmac(
  scheme: HmacSignature,
  secrets: readonly Uint8Array[],
  delivery: Delivery,
  window: TimeWindow,
): void {
  const { header, hash, timestampHeader } = scheme;
  const given = readSignatures(scheme, delivery.headers);
  const time = timestampHeader && delivery.headers.required(timestampHeader, "signature");
  const expected = digestsOf(hash, secrets, signedPieces(scheme, delivery, time ?? ""));
  if (!anyMatches(given, expected))
    throw new DeliveryRefusal("signature", `header "${header}" has no signature by a secret of the webhook`);
  if (time !== undefined) checkSignedTime(time, window);
}

function readSignatures({ header, prefix, encoding, hash }: HmacSignature, headers: DeliveryHeaders): Uint8Array[] {
  const texts = headers.required(header, "signature").split(/ +/);
  if (texts.length > MAX_SIGNATURES)
    throw new DeliveryRefusal(
      "signature",
      `header "${header}" has ${texts.length} signatures, limit ${MAX_SIGNATURES}`,
    );
  const bytes = digestBytes[hash];
  const signatures = texts
    .filter((text) => text.startsWith(prefix))
    .map((text) => readDigest(text.slice(prefix.length), encoding, bytes))
    .filter((digest) => digest !== undefined);
  if (signatures.length > 0) return signatures;
  const form = `${prefix === "" ? "" : `"${prefix}" and `}${bytes} bytes of ${encoding}`;
  throw new DeliveryRefusal("signature", `header "${header}" is not ${form}`);
}

/** What is signed, in pieces, as a large body is not worth a copy. */
function signedPieces(scheme: HmacSignature, { headers, body }: Delivery, time: string): (string | Uint8Array)[] {
  return scheme.signed.split(/(\{[a-z]+\})/).map((piece) => {
    if (piece === "{body}") return body;
    if (piece === "{timestamp}") return time;
    return piece === "{id}" ? headers.required(scheme.idHeader ?? "", "signature") : piece;
  });
}
