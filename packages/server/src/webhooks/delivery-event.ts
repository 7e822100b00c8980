import { defaultLimits, parseTraceparent, SpanloomError } from "@spanloom/protocol";
import type { Delivery } from "./delivery.ts";
import { eventIdOf } from "./delivery-id.ts";
import { readPayload } from "./delivery-payload.ts";
import { DeliveryRefusal } from "./delivery-refusal.ts";
import { parseKeyTemplate, renderKey } from "./event-key.ts";
import type { SignatureScheme, Webhook } from "./webhook.ts";

/** What a delivery becomes. */
export interface WebhookEvent {
  /** UUID; the same for a delivery that is sent again. */
  id: string;
  key: string;
  /** JSON in UTF-8. */
  payload: Uint8Array;
  /** Headers by name. */
  metadata: Readonly<Record<string, string>>;
  /** The webhook it came by. */
  webhook: string;
  /** The trace that the sender is in; empty texts where it does not tell. */
  trace: { traceparent: string; tracestate: string; baggage: string };
}

/**
 * Makes the event of a delivery whose signature was verified.
 *
 * Errors: DeliveryRefusal `unsupported` and `malformed`.
 */
export function deliveryEvent(webhook: Webhook, delivery: Delivery, newId: () => string): WebhookEvent {
  const { headers } = delivery;
  const payload = readPayload(delivery, webhook);
  const template = parseKeyTemplate(webhook.eventKey);
  if ("problem" in template) throw new SpanloomError("INTERNAL", `cannot use event_key: it ${template.problem}`);
  const header = (name: string) => headers.joined(name);
  return {
    id: eventIdOf(webhook, delivery, payload.value) ?? newId(),
    key: renderKey(template, { name: webhook.name, header, payload: payload.value }),
    payload: payload.json,
    metadata: metadataOf(webhook, delivery),
    webhook: webhook.name,
    trace: traceOf(delivery),
  };
}

function metadataOf(webhook: Webhook, { headers }: Delivery): Record<string, string> {
  const metadata: [string, string][] = [];
  for (const name of [...schemeHeaders(webhook.signature), ...webhook.headers]) {
    const value = headers.joined(name);
    if (value === undefined) continue;
    const bytes = Buffer.byteLength(value);
    if (bytes > defaultLimits.maxEventMetadataBytes)
      throw new DeliveryRefusal(
        "malformed",
        `header "${name}" has ${bytes} bytes, limit ${defaultLimits.maxEventMetadataBytes}`,
      );
    metadata.push([name, value]);
  }
  return Object.fromEntries(metadata);
}

/** Headers that say what a delivery is: metadata of every event. */
function schemeHeaders(signature: SignatureScheme): string[] {
  if (signature.scheme === "github") return ["x-github-event", "x-github-delivery"];
  return signature.scheme === "hmac" && signature.idHeader !== undefined ? [signature.idHeader] : [];
}

/** Headers that never become metadata: they let in, or are of no use but to forge. */
export function isPrivateHeader(name: string, signature: SignatureScheme): boolean {
  return neverKept.has(name) || (signature.scheme === "hmac" && name === signature.header);
}

const neverKept: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-hub-signature",
  "x-hub-signature-256",
  "stripe-signature",
]);

function traceOf({ headers }: Delivery): WebhookEvent["trace"] {
  const traceparent = headers.joined("traceparent") ?? "";
  if (!parseTraceparent(traceparent)) return { traceparent: "", tracestate: "", baggage: "" };
  return { traceparent, tracestate: headers.joined("tracestate") ?? "", baggage: headers.joined("baggage") ?? "" };
}
